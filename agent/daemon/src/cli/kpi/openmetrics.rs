//! The OpenMetrics text format (prometheus.io, OpenMetrics 1.0): base units, one family per KPI.

use std::io::{self, Write};

use omadm_kpi::{ALL, Kind, Kpi, Per, Sample, Samples, Unit, Value};

/// Writes what was read; what is absent or failed has no sample.
pub(super) fn write(samples: &Samples, out: &mut dyn Write) -> io::Result<()> {
    for id in ALL {
        let read: Vec<_> = samples
            .of(*id)
            .filter_map(|sample| Some((sample, sample.reading.value()?)))
            .collect();
        if !read.is_empty() {
            family(id.kpi(), &read, out)?;
        }
    }
    ages(samples, out)?;
    writeln!(out, "# EOF")
}

/// How old the values are whose sources do not answer any more. They have no timestamps of their
/// own, because `node_exporter`'s textfile collector refuses a file with one.
fn ages(samples: &Samples, out: &mut dyn Write) -> io::Result<()> {
    let old: Vec<_> = samples
        .iter()
        .filter(|sample| sample.reading.value().is_some())
        .filter_map(|sample| Some((sample, sample.overdue?.age)))
        .collect();
    if old.is_empty() {
        return Ok(());
    }
    writeln!(out, "# TYPE omadm_kpi_age_seconds gauge")?;
    writeln!(out, "# UNIT omadm_kpi_age_seconds seconds")?;
    let help = "How old the value of a KPI is whose source does not answer any more";
    writeln!(out, "# HELP omadm_kpi_age_seconds {help}")?;
    for (sample, age) in old {
        let kpi = sample.id.kpi();
        let instance = match (label(kpi.per), &sample.instance) {
            (Some(label), Some(instance)) => format!(",{label}=\"{}\"", escape(instance)),
            _ => String::new(),
        };
        let (name, age) = (kpi.name, age.as_secs_f64());
        writeln!(
            out,
            "omadm_kpi_age_seconds{{kpi=\"{name}\"{instance}}} {age}"
        )?;
    }
    Ok(())
}

fn family(kpi: &Kpi, samples: &[(&Sample, &Value)], out: &mut dyn Write) -> io::Result<()> {
    let texts = samples
        .iter()
        .any(|(_, value)| matches!(value, Value::Text(_)));
    let (unit, scale) = base(kpi.unit);
    let mut name = name(kpi, unit);
    let (kind, suffix) = match kpi.kind {
        // The type `info` would say it better, but readers of the older text format, such as
        // node_exporter's textfile collector, refuse a whole file for it.
        _ if texts => {
            name.push_str("_info");
            ("gauge", "")
        }
        Kind::Counter => ("counter", "_total"),
        Kind::Gauge | Kind::State | Kind::Info => ("gauge", ""),
    };
    writeln!(out, "# TYPE {name} {kind}")?;
    if !unit.is_empty() && !texts {
        writeln!(out, "# UNIT {name} {unit}")?;
    }
    writeln!(out, "# HELP {name} {}", escape(kpi.description))?;
    for (sample, value) in samples {
        let mut labels = Vec::new();
        if let (Some(label), Some(instance)) = (label(kpi.per), &sample.instance) {
            labels.push(format!("{label}=\"{}\"", escape(instance)));
        }
        let number = match value {
            Value::Text(text) => {
                labels.push(format!("value=\"{}\"", escape(text)));
                "1".to_owned()
            }
            Value::Flag(flag) => u8::from(*flag).to_string(),
            Value::Integer(count) if scale == Scale::One => count.to_string(),
            number => scale.apply(number.as_f64().unwrap_or_default()).to_string(),
        };
        let labels = if labels.is_empty() {
            String::new()
        } else {
            format!("{{{}}}", labels.join(","))
        };
        writeln!(out, "{name}{suffix}{labels} {number}")?;
    }
    Ok(())
}

/// How a KPI's unit becomes the base unit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scale {
    One,
    DividedBy(u32),
    /// Hours, as seconds.
    Hours,
}

impl Scale {
    fn apply(self, number: f64) -> f64 {
        match self {
            Self::One => number,
            Self::DividedBy(divisor) => number / f64::from(divisor),
            Self::Hours => number * 3_600.0,
        }
    }
}

fn base(unit: Unit) -> (&'static str, Scale) {
    match unit {
        Unit::One | Unit::Events => ("", Scale::One),
        Unit::Bytes => ("bytes", Scale::One),
        Unit::Pages => ("pages", Scale::One),
        Unit::Packets => ("packets", Scale::One),
        Unit::Percent => ("ratio", Scale::DividedBy(100)),
        Unit::Seconds => ("seconds", Scale::One),
        Unit::Milliseconds => ("seconds", Scale::DividedBy(1_000)),
        Unit::Microseconds => ("seconds", Scale::DividedBy(1_000_000)),
        Unit::Celsius => ("celsius", Scale::One),
        Unit::Volts => ("volts", Scale::One),
        Unit::Amperes => ("amperes", Scale::One),
        Unit::Watts => ("watts", Scale::One),
        Unit::AmpereHours => ("coulombs", Scale::Hours),
        Unit::WattHours => ("joules", Scale::Hours),
    }
}

/// `link.rx.bytes` becomes `omadm_link_rx_bytes`: the unit stands once, at the end.
fn name(kpi: &Kpi, unit: &str) -> String {
    let mut name = format!("omadm_{}", kpi.name.replace(['.', '-'], "_"));
    if kpi.kind == Kind::Counter {
        name.truncate(name.strip_suffix("_total").unwrap_or(&name).len());
    }
    if !unit.is_empty() && !name.ends_with(unit) {
        name.push('_');
        name.push_str(unit);
    }
    name
}

fn label(per: Per) -> Option<&'static str> {
    match per {
        Per::Machine => None,
        other => Some(other.name()),
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use omadm_kpi::{Absence, Instance, KpiId, Overdue};
    use std::time::Duration;

    #[test]
    fn families_have_types_units_and_base_units() {
        let mut samples = Samples::new();
        let odd = Instance::from("a\"b\\c");
        samples.value(KpiId::MemoryTotal, None, 18_446_744_073_709_551_615_u64);
        samples.absent(KpiId::MemoryZswap, None, Absence::NoField("x".into()));
        samples.value(KpiId::PressureCpuSomeAvg10, None, 12.5);
        samples.value(KpiId::PressureCpuSomeTotal, None, 1_500_000_u64);
        samples.value(KpiId::LinkRxBytes, Some(&odd), 7_u64);
        samples.value(KpiId::LinkCarrier, Some(&odd), true);
        samples.value(KpiId::LinkKind, Some(&odd), "ethernet");
        let battery = Instance::from("BAT0");
        samples.value(KpiId::PowerCharge, Some(&battery), 1.5);
        samples.value(KpiId::PowerTemperature, Some(&battery), -5.5);
        let mut out = Vec::new();
        write(&samples, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| !line.starts_with("# HELP"))
            .collect();
        assert_eq!(
            lines,
            [
                "# TYPE omadm_memory_total_bytes gauge",
                "# UNIT omadm_memory_total_bytes bytes",
                "omadm_memory_total_bytes 18446744073709551615",
                "# TYPE omadm_pressure_cpu_some_avg10_ratio gauge",
                "# UNIT omadm_pressure_cpu_some_avg10_ratio ratio",
                "omadm_pressure_cpu_some_avg10_ratio 0.125",
                "# TYPE omadm_pressure_cpu_some_seconds counter",
                "# UNIT omadm_pressure_cpu_some_seconds seconds",
                "omadm_pressure_cpu_some_seconds_total 1.5",
                "# TYPE omadm_power_charge_coulombs gauge",
                "# UNIT omadm_power_charge_coulombs coulombs",
                "omadm_power_charge_coulombs{supply=\"BAT0\"} 5400",
                "# TYPE omadm_power_temperature_celsius gauge",
                "# UNIT omadm_power_temperature_celsius celsius",
                "omadm_power_temperature_celsius{supply=\"BAT0\"} -5.5",
                "# TYPE omadm_link_rx_bytes counter",
                "# UNIT omadm_link_rx_bytes bytes",
                "omadm_link_rx_bytes_total{link=\"a\\\"b\\\\c\"} 7",
                "# TYPE omadm_link_carrier gauge",
                "omadm_link_carrier{link=\"a\\\"b\\\\c\"} 1",
                "# TYPE omadm_link_kind_info gauge",
                "omadm_link_kind_info{link=\"a\\\"b\\\\c\",value=\"ethernet\"} 1",
                "# EOF",
            ]
        );
    }

    #[test]
    fn old_values_say_how_old_they_are() {
        let mut fresh = Samples::new();
        let zone = Instance::from("thermal_zone0");
        fresh.value(KpiId::ThermalTemperature, Some(&zone), 48.5);
        fresh.value(KpiId::MemoryTotal, None, 7_u64);
        let mut samples = Samples::new();
        for sample in &fresh {
            samples.push(Sample {
                overdue: Some(Overdue {
                    age: Duration::from_millis(90_500),
                    waiting: Duration::from_mins(1),
                }),
                ..sample.clone()
            });
        }
        samples.value(KpiId::MemoryFree, None, 3_u64);
        let mut out = Vec::new();
        write(&samples, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("omadm_thermal_temperature_celsius{zone=\"thermal_zone0\"} 48.5\n"));
        let ages: Vec<_> = text
            .lines()
            .skip_while(|line| !line.contains("age"))
            .collect();
        assert_eq!(
            ages[2..],
            [
                "# HELP omadm_kpi_age_seconds How old the value of a KPI is whose source does not answer any more",
                "omadm_kpi_age_seconds{kpi=\"thermal.temperature\",zone=\"thermal_zone0\"} 90.5",
                "omadm_kpi_age_seconds{kpi=\"memory.total\"} 90.5",
                "# EOF",
            ]
        );
    }

    #[test]
    fn no_two_kpis_share_a_family() {
        let names: std::collections::BTreeSet<String> = ALL
            .iter()
            .map(|id| name(id.kpi(), base(id.kpi().unit).0))
            .collect();
        assert_eq!(names.len(), ALL.len());
    }
}
