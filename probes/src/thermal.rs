//! `/sys/class/thermal/thermal_zone*`: temperatures and trip points. Readable by every user;
//! absent on most virtual machines.
//!
//! A zone that gives no temperature has none: never 0 °C.

use std::sync::Arc;

use crate::{
    Absence, Instance, KpiId, KpiSet, Probe, ReadError, Samples, Sources,
    report::{Report, decimal},
};

const PATH: &str = "/sys/class/thermal";

const KPIS: [KpiId; 6] = [
    KpiId::ThermalType,
    KpiId::ThermalTemperature,
    KpiId::ThermalTripActive,
    KpiId::ThermalTripPassive,
    KpiId::ThermalTripHot,
    KpiId::ThermalTripCritical,
];

/// The types of trip points (Documentation/driver-api/thermal/sysfs-api.rst).
const TRIPS: [(&str, KpiId); 4] = [
    ("active", KpiId::ThermalTripActive),
    ("passive", KpiId::ThermalTripPassive),
    ("hot", KpiId::ThermalTripHot),
    ("critical", KpiId::ThermalTripCritical),
];

/// More trip points than any zone has: an older kernel allowed 12.
const MOST_TRIPS: u32 = 64;

/// Files give thousandths of a degree.
const MILLI: f64 = 1e3;

/// Nothing is colder. Drivers say `THERMAL_TEMP_INVALID` (-274 °C) for "none".
const ABSOLUTE_ZERO: f64 = -273.15;

struct Thermal;

pub(crate) fn probe() -> Box<dyn Probe + Send> {
    Box::new(Thermal)
}

impl Probe for Thermal {
    fn name(&self) -> &'static str {
        "thermal"
    }

    fn kpis(&self) -> KpiSet {
        KPIS.into_iter().collect()
    }

    fn collect(&mut self, from: &Sources, wanted: &KpiSet, out: &mut Samples) {
        let wanted = wanted.intersection(&self.kpis());
        let mut report = Report::new(PATH, wanted, out);
        let number = |name: &str| name.strip_prefix("thermal_zone")?.parse::<u32>().ok();
        let mut zones = match from.fs.names(PATH, |name| number(name).is_some()) {
            Ok(zones) => zones,
            Err(error) => return report.unreadable(&error),
        };
        if zones.is_empty() {
            return report.without("the kernel knows no thermal zone of this machine");
        }
        zones.sort_by_key(|name| number(name));
        for name in zones {
            let zone = Zone {
                path: format!("{PATH}/{name}"),
                instance: Instance::from(&*name),
                from,
            };
            zone.collect(&mut report);
        }
        report.without("no thermal zone of this machine has one");
    }
}

struct Zone<'a> {
    path: String,
    instance: Instance,
    from: &'a Sources,
}

impl Zone<'_> {
    fn collect(&self, report: &mut Report<'_>) {
        if report.wants(KpiId::ThermalType) {
            match self.word("type") {
                Ok(kind) => report.value_of(KpiId::ThermalType, &self.instance, kind),
                Err(error) => report.unreadable_of(KpiId::ThermalType, &self.instance, &error),
            }
        }
        if report.wants(KpiId::ThermalTemperature) {
            self.temperature(report);
        }
        if TRIPS.iter().any(|(_, id)| report.wants(*id)) {
            self.trips(report);
        }
    }

    fn temperature(&self, report: &mut Report<'_>) {
        let id = KpiId::ThermalTemperature;
        match self.word("temp") {
            Ok(text) => match decimal(Some(&text), MILLI) {
                Ok(degrees) if degrees < ABSOLUTE_ZERO => {
                    let what: Arc<str> = "the zone's driver has no temperature now".into();
                    report.absent_of(id, &self.instance, Absence::NoSubject(what));
                }
                Ok(degrees) => report.value_of(id, &self.instance, degrees),
                Err(reason) => {
                    let file = format!("{}/temp", self.path);
                    report.failed_in(&file, id, &self.instance, 1, &reason);
                }
            },
            Err(error) => report.unreadable_of(id, &self.instance, &error),
        }
    }

    /// The lowest trip point of each type; a point that cannot be read or is switched off is
    /// passed over.
    fn trips(&self, report: &mut Report<'_>) {
        let mut lowest: [Option<f64>; TRIPS.len()] = [None; TRIPS.len()];
        for number in 0..MOST_TRIPS {
            let kind = match self.word(&format!("trip_point_{number}_type")) {
                Ok(kind) => kind,
                Err(ReadError::Absent(_)) => break,
                Err(ReadError::Failed(_)) => continue,
            };
            let known = TRIPS.iter().zip(&mut lowest);
            let slot = known.into_iter().find(|((name, _), _)| *name == kind);
            let degrees = self.word(&format!("trip_point_{number}_temp")).ok();
            let degrees = degrees.and_then(|text| decimal(Some(&text), MILLI).ok());
            let degrees = degrees.filter(|degrees| *degrees >= ABSOLUTE_ZERO);
            if let (Some((_, slot)), Some(degrees)) = (slot, degrees) {
                *slot = Some(slot.map_or(degrees, |lowest| lowest.min(degrees)));
            }
        }
        for ((_, id), degrees) in TRIPS.iter().zip(lowest) {
            if let Some(degrees) = degrees {
                report.value_of(*id, &self.instance, degrees);
            }
        }
    }

    fn word(&self, file: &str) -> Result<String, ReadError> {
        let path = format!("{}/{file}", self.path);
        self.from.fs.with(&path, |text| text.trim_end().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::collected;

    const ZONE: &str = "sys/class/thermal/thermal_zone10";

    fn zone(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<_> = files
            .iter()
            .map(|(name, text)| (format!("{ZONE}/{name}"), *text))
            .collect();
        let files: Vec<_> = files.iter().map(|(name, text)| (&**name, *text)).collect();
        let found = collected(&mut Thermal, &files);
        let values = found
            .into_iter()
            .filter(|line| line.contains("[thermal_zone10]"));
        values
            .map(|line| line.replace("[thermal_zone10]", ""))
            .collect()
    }

    #[test]
    fn degrees_are_exact_and_may_be_negative() {
        assert_eq!(
            zone(&[("type", "cpu-thermal\n"), ("temp", "48312\n")]),
            ["thermal.type = cpu-thermal", "thermal.temperature = 48.312"]
        );
        assert_eq!(
            zone(&[("temp", "-5500\n")])[1],
            "thermal.temperature = -5.5"
        );
        assert_eq!(zone(&[("temp", "0\n")])[1], "thermal.temperature = 0");
    }

    #[test]
    fn a_zone_without_a_reading_has_no_temperature() {
        for (name, text) in [
            ("temp", "-274000\n"),
            ("temp", ""),
            ("temp", "warm\n"),
            ("temp", "99999999999999999999\n"),
            // a folder cannot be read, as little as a sensor that is switched off
            ("temp/x", ""),
            ("mode", "disabled\n"),
        ] {
            let found = zone(&[("type", "soc\n"), (name, text)]);
            assert_eq!(found.len(), 2, "{name} {text:?}: {found:?}");
            let reading = found[1].strip_prefix("thermal.temperature = ").unwrap();
            assert!(
                reading.starts_with("absent: ") || reading.starts_with("failed: "),
                "{name} {text:?}: {reading}"
            );
        }
    }

    #[test]
    fn the_lowest_trip_point_of_a_type_counts() {
        let found = zone(&[
            ("temp", "40000\n"),
            ("trip_point_0_type", "critical\n"),
            ("trip_point_0_temp", "105000\n"),
            ("trip_point_1_type", "active\n"),
            ("trip_point_1_temp", "71000\n"),
            ("trip_point_2_type", "active\n"),
            ("trip_point_2_temp", "55000\n"),
            ("trip_point_3_type", "passive\n"),
            ("trip_point_3_temp", "-274000\n"),
            ("trip_point_4_type", "from the future\n"),
            ("trip_point_6_type", "hot\n"),
        ]);
        assert_eq!(
            found[2..],
            ["thermal.trip.active = 55", "thermal.trip.critical = 105"]
        );
    }

    #[test]
    fn a_machine_without_zones_says_so() {
        let found = collected(
            &mut Thermal,
            &[("sys/class/thermal/cooling_device0/type", "Fan\n")],
        );
        assert_eq!(found.len(), KPIS.len());
        assert!(found[0].ends_with("absent: the kernel knows no thermal zone of this machine"));
    }
}
