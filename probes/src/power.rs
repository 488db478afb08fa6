//! `/sys/class/power_supply/*/uevent`: batteries and mains. Readable by every user; absent on
//! machines whose power nobody measures.
//!
//! One file has all properties of a supply, and leaves out those that it cannot tell.

use crate::{
    Absence, Instance, KpiId, KpiSet, Probe, Samples, Sources,
    report::{Report, decimal, excerpt, whole},
};

const PATH: &str = "/sys/class/power_supply";

/// How a property becomes a value.
#[derive(Clone, Copy)]
enum Form {
    /// Lower case, with `-` for a blank.
    Word,
    /// Zero is no, another number is yes: `online` is 2 for a supply whose voltage is settled by
    /// negotiation.
    Flag,
    /// A count.
    Count,
    /// Divided into the unit.
    Real(f64),
}

/// Files count in millionths of volts, amperes, watts and their hours, and in tenths of degrees
/// (`Documentation/power/power_supply_class.rst`).
const MICRO: f64 = 1e6;
const TENTH: f64 = 10.0;

const PROPERTIES: [(&str, KpiId, Form); 17] = [
    ("TYPE", KpiId::PowerType, Form::Word),
    ("ONLINE", KpiId::PowerOnline, Form::Flag),
    ("PRESENT", KpiId::PowerPresent, Form::Flag),
    ("STATUS", KpiId::PowerStatus, Form::Word),
    ("HEALTH", KpiId::PowerHealth, Form::Word),
    ("CAPACITY", KpiId::PowerCapacity, Form::Count),
    ("VOLTAGE_NOW", KpiId::PowerVoltage, Form::Real(MICRO)),
    ("CURRENT_NOW", KpiId::PowerCurrent, Form::Real(MICRO)),
    ("POWER_NOW", KpiId::PowerPower, Form::Real(MICRO)),
    ("CHARGE_NOW", KpiId::PowerCharge, Form::Real(MICRO)),
    ("CHARGE_FULL", KpiId::PowerChargeFull, Form::Real(MICRO)),
    (
        "CHARGE_FULL_DESIGN",
        KpiId::PowerChargeDesign,
        Form::Real(MICRO),
    ),
    ("ENERGY_NOW", KpiId::PowerEnergy, Form::Real(MICRO)),
    ("ENERGY_FULL", KpiId::PowerEnergyFull, Form::Real(MICRO)),
    (
        "ENERGY_FULL_DESIGN",
        KpiId::PowerEnergyDesign,
        Form::Real(MICRO),
    ),
    ("TEMP", KpiId::PowerTemperature, Form::Real(TENTH)),
    ("CYCLE_COUNT", KpiId::PowerCycles, Form::Count),
];

struct Power;

pub(crate) fn probe() -> Box<dyn Probe + Send> {
    Box::new(Power)
}

impl Probe for Power {
    fn name(&self) -> &'static str {
        "power"
    }

    fn kpis(&self) -> KpiSet {
        PROPERTIES.into_iter().map(|(_, id, _)| id).collect()
    }

    fn collect(&mut self, from: &Sources, wanted: &KpiSet, out: &mut Samples) {
        let wanted = wanted.intersection(&self.kpis());
        let mut report = Report::new(PATH, wanted, out);
        let mut supplies = match from.fs.names(PATH, |name| !name.starts_with('.')) {
            Ok(supplies) => supplies,
            Err(error) => return report.unreadable(&error),
        };
        supplies.sort();
        let mut own = 0;
        for name in supplies {
            let instance = Instance::from(&*name);
            let path = format!("{PATH}/{name}/uevent");
            let read = |text: &str| parse(text, &path, &instance, &mut report);
            match from.fs.with(&path, read) {
                Ok(is_own) => own += usize::from(is_own),
                Err(error) => {
                    own += 1;
                    for id in wanted.iter() {
                        report.unreadable_of(id, &instance, &error);
                    }
                }
            }
        }
        if own == 0 {
            return report.without("the kernel knows no power supply of this machine");
        }
        report.without("no power supply of this machine tells it");
    }
}

/// `POWER_SUPPLY_VOLTAGE_NOW=12345000`. Says whether the supply is the machine's: a mouse has a
/// battery of its own.
fn parse(text: &str, file: &str, instance: &Instance, report: &mut Report<'_>) -> bool {
    let properties: Vec<_> = text.lines().enumerate().filter_map(property).collect();
    let is_other = |(_, key, value): &(usize, &str, &str)| *key == "SCOPE" && *value == "Device";
    if properties.iter().any(is_other) {
        return false;
    }
    for (name, id, form) in PROPERTIES {
        // The last one stands, so that nothing is told twice.
        let found = properties.iter().rfind(|(_, key, _)| *key == name);
        if let Some((line, _, value)) = found
            && let Err(reason) = note(id, form, value, instance, report)
        {
            report.failed_in(file, id, instance, *line, &reason);
        }
    }
    true
}

fn property((line, row): (usize, &str)) -> Option<(usize, &str, &str)> {
    let (key, value) = row.strip_prefix("POWER_SUPPLY_")?.split_once('=')?;
    Some((line + 1, key, value.trim()))
}

fn note(
    id: KpiId,
    form: Form,
    text: &str,
    instance: &Instance,
    report: &mut Report<'_>,
) -> Result<(), String> {
    match form {
        Form::Word => report.value_of(id, instance, word(text)?),
        Form::Flag => report.value_of(id, instance, whole(Some(text), 1)? != 0),
        // Fuel gauges that cannot count say -1.
        Form::Count if text == "-1" => {
            let absence = Absence::NoSubject("the supply cannot tell".into());
            report.absent_of(id, instance, absence);
        }
        Form::Count => report.value_of(id, instance, whole(Some(text), 1)?),
        Form::Real(divisor) => report.value_of(id, instance, decimal(Some(text), divisor)?),
    }
    Ok(())
}

fn word(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '-');
    if text.is_empty() || !text.chars().all(plain) {
        return Err(format!("expected a word, found {}", excerpt(text)));
    }
    Ok(text.to_ascii_lowercase().replace([' ', '_'], "-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{collected, read, survives};

    const TEXT: &str =
        include_str!("../tests/fixtures/gateway/sys/class/power_supply/battery/uevent");

    fn bat(text: &str, report: &mut Report<'_>) {
        parse(text, "FILE", &Instance::from("BAT0"), report);
    }

    #[test]
    fn units_are_exact_and_signs_are_kept() {
        let text = "POWER_SUPPLY_STATUS=Not charging\nPOWER_SUPPLY_CAPACITY=100\n\
            POWER_SUPPLY_VOLTAGE_NOW=12345678\nPOWER_SUPPLY_CURRENT_NOW=-1500001\n\
            POWER_SUPPLY_CHARGE_NOW=2600000\nPOWER_SUPPLY_TEMP=-55\nPOWER_SUPPLY_ONLINE=2\n";
        assert_eq!(
            read(text, bat),
            [
                "power.online[BAT0] = true",
                "power.status[BAT0] = not-charging",
                "power.capacity[BAT0] = 100",
                "power.voltage[BAT0] = 12.345678",
                "power.current[BAT0] = -1.500001",
                "power.charge[BAT0] = 2.6",
                "power.temperature[BAT0] = -5.5",
            ]
        );
    }

    #[test]
    fn what_is_no_number_costs_itself() {
        let text = "POWER_SUPPLY_CAPACITY=-5\nPOWER_SUPPLY_VOLTAGE_NOW=\nPOWER_SUPPLY_STATUS=\x07\n\
            POWER_SUPPLY_CYCLE_COUNT=-1\nPOWER_SUPPLY_ONLINE=1\n";
        let found = read(text, bat);
        assert_eq!(found[0], "power.online[BAT0] = true");
        assert!(found[1].contains("line 3: expected a word"), "{found:?}");
        assert!(found[2].contains("line 1: expected a number, found \"-5\""));
        assert!(found[3].contains("line 2: expected a number, found \"\""));
        assert_eq!(
            found[4],
            "power.cycles[BAT0] = absent: the supply cannot tell"
        );
    }

    #[test]
    fn the_battery_of_a_mouse_is_not_the_machines() {
        let mouse = "POWER_SUPPLY_SCOPE=Device\nPOWER_SUPPLY_CAPACITY=50\n";
        let found = collected(
            &mut Power,
            &[("sys/class/power_supply/hid-1/uevent", mouse)],
        );
        assert_eq!(found.len(), PROPERTIES.len());
        assert!(found[0].ends_with("absent: the kernel knows no power supply of this machine"));
    }

    #[test]
    fn one_supply_that_cannot_be_read_costs_itself() {
        let found = collected(
            &mut Power,
            &[
                (
                    "sys/class/power_supply/AC/uevent",
                    "POWER_SUPPLY_ONLINE=1\n",
                ),
                ("sys/class/power_supply/BAT0/uevent/x", ""),
            ],
        );
        assert!(found.contains(&"power.online[AC] = true".to_owned()));
        let failed = "power.voltage[BAT0] = failed: /sys/class/power_supply/BAT0/uevent";
        assert!(
            found.iter().any(|line| line.starts_with(failed)),
            "{found:?}"
        );
    }

    #[test]
    fn damage_is_survived() {
        survives(TEXT, probe().kpis(), bat);
    }
}
