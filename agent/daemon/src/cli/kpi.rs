//! `omadm kpi`: what the probes read on this machine, without the daemon.
#![expect(
    clippy::disallowed_methods,
    reason = "driver: waits between two readings"
)]

mod openmetrics;

use std::io::{self, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use omadm_kpi::{Kind, KpiId, KpiSet, Reading, Sample, Samples, Unit, Value};
use omadm_probes::Collector;

use super::arguments;
use super::failure::Failure;
use super::print::{self, Align, Style, Table};
use crate::control::wire::{KpiSample, ReadKpisReply};
use crate::exit;
use crate::rights;

/// The name of an interface has 15 characters at most; a mount point may have any number, but
/// must not push the values off the screen.
const MAX_INSTANCE: usize = 16;

/// A moment is as long; a list of addresses is longer.
const MAX_VALUE: usize = 20;

/// Reads and shows KPIs, once or until interrupted.
pub(super) fn run(
    arguments: &arguments::Kpi,
    style: Style,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let wanted = wanted(&arguments.patterns)?;
    let mut collector = Collector::new(|| rights::sources(Path::new(rights::DIRECTORY)));
    let mut before: Option<(Instant, Samples)> = None;
    loop {
        let at = Instant::now();
        let mut samples = Samples::new();
        collector.collect_into(&wanted, &mut samples);
        let rates = before.as_ref().map(|(then, samples)| Rates {
            seconds: at.duration_since(*then).as_secs_f64(),
            before: samples,
        });
        show(arguments, &samples, rates.as_ref(), style, out)?;
        out.flush()?;
        let Some(interval) = arguments.watch else {
            return Ok(());
        };
        before = Some((at, samples));
        thread::sleep(Duration::from_secs_f64(interval));
    }
}

fn wanted(patterns: &[String]) -> Result<KpiSet, Failure> {
    if patterns.is_empty() {
        return Ok(KpiSet::all());
    }
    let mut wanted = KpiSet::EMPTY;
    for pattern in patterns {
        let matching = KpiSet::matching(pattern);
        let matching = matching.map_err(|error| Failure::new(exit::USAGE, error))?;
        wanted = wanted.union(&matching);
    }
    Ok(wanted)
}

fn show(
    arguments: &arguments::Kpi,
    samples: &Samples,
    rates: Option<&Rates<'_>>,
    style: Style,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let shown = |sample: &&Sample| arguments.all || !matches!(sample.reading, Reading::Absent(_));
    if arguments.openmetrics {
        return Ok(openmetrics::write(samples, out)?);
    }
    if arguments.listing.json {
        let samples = samples.iter().filter(shown).map(wire).collect();
        let reply = ReadKpisReply { samples };
        return match arguments.watch {
            Some(_) => print::json_line(out, &reply),
            None => print::json(out, &reply),
        };
    }
    if arguments.watch.is_some() {
        let clear = if style == Style::Colour {
            "\x1b[H\x1b[2J"
        } else {
            "\n"
        };
        write!(out, "{clear}")?;
    }
    let rows: Vec<&Sample> = samples.iter().filter(shown).collect();
    table(&rows, arguments, rates, style, out)?;
    match samples.len() - rows.len() {
        0 => Ok(()),
        count => {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            let more = print::counted(count, "more is", "more are");
            let note = format!("{more} absent on this machine; --all says why");
            Ok(writeln!(out, "{}", style.faint(&note))?)
        }
    }
}

fn table(
    samples: &[&Sample],
    arguments: &arguments::Kpi,
    rates: Option<&Rates<'_>>,
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut columns = vec![
        ("KPI", Align::Left),
        ("OF", Align::Left),
        ("VALUE", Align::Right),
        ("UNIT", Align::Left),
    ];
    if arguments.watch.is_some() {
        columns.push(("PER SECOND", Align::Right));
    }
    // Seldom there, and last so that nothing else moves for it.
    let is_any_overdue = samples.iter().any(|sample| sample.overdue.is_some());
    if is_any_overdue {
        columns.push(("AGE", Align::Right));
    }
    let mut table = Table::new(&columns)
        .at_most("OF", MAX_INSTANCE)
        .at_most("VALUE", MAX_VALUE);
    for sample in samples {
        let kpi = sample.id.kpi();
        let instance = sample.instance.as_deref().unwrap_or_default();
        let (value, unit) = match &sample.reading {
            Reading::Value(value) => match moment(sample.id, value).filter(|_| !arguments.raw) {
                Some(moment) => (moment, String::new()),
                None => quantity(value, kpi.unit, arguments.raw || is_exact(sample.id)),
            },
            other => ("-".to_owned(), other.to_string()),
        };
        let rate = rates.and_then(|rates| rates.of(sample));
        let rate = rate.map_or_else(String::new, |rate| {
            per_second(rate, kpi.unit, arguments.raw)
        });
        let age = sample.overdue.map_or_else(String::new, |overdue| {
            print::duration(overdue.age.as_secs_f64())
        });
        let mut row = vec![kpi.name, instance, &value, &unit];
        if arguments.watch.is_some() {
            row.push(&rate);
        }
        if is_any_overdue {
            row.push(&age);
        }
        table.cells(&row);
    }
    table.print(out, style)
}

/// What was read the last time, to tell how fast counters grow.
struct Rates<'a> {
    seconds: f64,
    before: &'a Samples,
}

impl Rates<'_> {
    /// The growth per second of a counter that has not started anew.
    fn of(&self, sample: &Sample) -> Option<f64> {
        if sample.id.kpi().kind != Kind::Counter || self.seconds <= 0.0 {
            return None;
        }
        let now = sample.reading.value()?.as_f64()?;
        let then = self
            .before
            .get(sample.id, sample.instance.as_deref())?
            .as_f64()?;
        (now >= then).then_some((now - then) / self.seconds)
    }
}

fn per_second(rate: f64, unit: Unit, raw: bool) -> String {
    let (number, unit) = quantity(&Value::Real(rate), unit, raw);
    format!("{number} {unit}").trim_end().to_owned()
}

/// A time of day, where the number counts from 1970 on.
fn moment(id: KpiId, value: &Value) -> Option<String> {
    let Value::Integer(seconds) = value else {
        return None;
    };
    let seconds = i64::try_from(*seconds).ok()?;
    let time = jiff::Timestamp::from_second(seconds).ok()?;
    (id == KpiId::SystemBootTime).then(|| time.to_string())
}

/// What people know by its exact number.
fn is_exact(id: KpiId) -> bool {
    id == KpiId::LinkMtu
}

/// A value and its unit as people read them; `raw` keeps the unit of the KPI.
fn quantity(value: &Value, unit: Unit, raw: bool) -> (String, String) {
    let scaled = match (unit, value.as_f64()) {
        _ if raw => None,
        (Unit::Bytes, Some(count)) => Some(print::octets(count)),
        (Unit::Seconds, Some(time)) => Some(print::duration(time)),
        (Unit::Milliseconds, Some(time)) => Some(print::duration(time / 1e3)),
        (Unit::Microseconds, Some(time)) => Some(print::duration(time / 1e6)),
        _ => None,
    };
    if let Some(text) = scaled {
        // a clock reading has no unit of its own
        let parts = text
            .rsplit_once(' ')
            .filter(|(_, unit)| !unit.contains(':'));
        return match parts {
            Some((number, unit)) => (number.to_owned(), unit.to_owned()),
            None => (text, String::new()),
        };
    }
    let number = match value {
        Value::Real(number) if raw => number.to_string(),
        Value::Real(number) => match unit {
            Unit::Celsius => format!("{number:.1}"),
            Unit::Volts | Unit::Amperes | Unit::AmpereHours => format!("{number:.3}"),
            _ => format!("{number:.2}"),
        },
        other => other.to_string(),
    };
    let unit = if value.as_f64().is_some() {
        unit.symbol()
    } else {
        ""
    };
    (number, unit.to_owned())
}

/// A sample as the interface has it.
pub(crate) fn wire(sample: &Sample) -> KpiSample {
    let kpi = KpiId::kpi(sample.id);
    let (value, text) = match sample.reading.value() {
        Some(value) => (
            value.as_f64(),
            value.as_f64().is_none().then(|| value.to_string()),
        ),
        None => (None, None),
    };
    let age = sample.overdue.map(|overdue| overdue.to_string());
    let reason = match &sample.reading {
        Reading::Value(_) => age,
        other => Some(other.to_string()),
    };
    KpiSample {
        id: kpi.name.to_owned(),
        instance: sample.instance.as_deref().map(str::to_owned),
        group: kpi.group.name().to_owned(),
        unit: kpi.unit.name().to_owned(),
        kind: kpi.kind.name().to_owned(),
        privacy: kpi.privacy.name().to_owned(),
        value,
        text,
        reason,
        age_seconds: sample.overdue.map(|overdue| overdue.age.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use omadm_kpi::{Absence, Instance, Overdue};

    fn samples() -> Samples {
        let mut samples = Samples::new();
        samples.value(KpiId::MemoryTotal, None, 2_147_483_648_u64);
        let eth0 = Instance::from("eth0");
        samples.value(KpiId::LinkRxBytes, Some(&eth0), 1_000_u64);
        samples.value(KpiId::LinkState, Some(&eth0), "up");
        samples.absent(
            KpiId::MemoryZswap,
            None,
            Absence::NoField("/proc/meminfo".into()),
        );
        samples
    }

    fn shown(arguments: &arguments::Kpi) -> String {
        let mut out = Vec::new();
        show(arguments, &samples(), None, Style::Plain, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn arguments(all: bool, json: bool) -> arguments::Kpi {
        arguments::Kpi {
            patterns: Vec::new(),
            all,
            watch: None,
            openmetrics: false,
            raw: false,
            listing: arguments::Listing { json },
        }
    }

    #[test]
    fn values_are_scaled_and_absent_ones_counted() {
        assert_eq!(
            shown(&arguments(false, false)),
            "KPI            OF    VALUE  UNIT\n\
             memory.total           2.0  GiB\n\
             link.rx.bytes  eth0   1000  B\n\
             link.state     eth0     up\n\
             1 more is absent on this machine; --all says why\n"
        );
    }

    #[test]
    fn all_shows_why_a_value_is_absent() {
        let text = shown(&arguments(true, false));
        assert!(
            text.contains("-  absent: /proc/meminfo has no such field on this kernel\n"),
            "{text}"
        );
    }

    #[test]
    fn json_has_the_shape_of_the_interface() {
        let json: serde_json::Value = serde_json::from_str(&shown(&arguments(true, true))).unwrap();
        let samples = json["samples"].as_array().unwrap();
        assert_eq!(samples[0]["value"], 2_147_483_648.0);
        assert_eq!(samples[0]["unit"], "bytes");
        assert_eq!(samples[2]["text"], "up");
        assert!(
            samples[3]["reason"]
                .as_str()
                .unwrap()
                .starts_with("absent: ")
        );
        assert_eq!(samples[3].get("value"), None);
    }

    #[test]
    fn an_old_value_says_how_old_it_is() {
        let mut fresh = Samples::new();
        fresh.value(KpiId::MemoryTotal, None, 7_u64);
        let mut samples = Samples::new();
        samples.push(Sample {
            overdue: Some(Overdue {
                age: Duration::from_secs(90),
                waiting: Duration::from_mins(1),
            }),
            ..fresh.iter().next().unwrap().clone()
        });
        samples.value(KpiId::MemoryFree, None, 3_u64);
        let mut out = Vec::new();
        show(
            &arguments(false, false),
            &samples,
            None,
            Style::Plain,
            &mut out,
        )
        .unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].ends_with("AGE"), "{text}");
        assert!(lines[1].ends_with("00:01:30"), "{text}");
        assert!(lines[2].ends_with('B'), "{text}");
        let sample = wire(samples.iter().next().unwrap());
        assert_eq!((sample.value, sample.age_seconds), (Some(7.0), Some(90.0)));
        let reason = "read 90.0 s ago; the source is overdue for 60.0 s";
        assert_eq!(sample.reason.as_deref(), Some(reason));
        assert_eq!(wire(samples.iter().nth(1).unwrap()).age_seconds, None);
    }

    #[test]
    fn counters_have_rates_and_restarts_have_none() {
        let mut before = Samples::new();
        let eth0 = Instance::from("eth0");
        before.value(KpiId::LinkRxBytes, Some(&eth0), 200_u64);
        let rate = |count: u64, seconds| {
            let mut now = Samples::new();
            now.value(KpiId::LinkRxBytes, Some(&eth0), count);
            let rates = Rates {
                seconds,
                before: &before,
            };
            rates.of(now.iter().next().unwrap())
        };
        assert_eq!(rate(1000, 2.0), Some(400.0));
        assert_eq!(rate(100, 2.0), None);
        assert_eq!(rate(1000, 0.0), None);
    }

    #[test]
    fn quantities_keep_number_and_unit_apart() {
        let quantity = |value: Value, unit, raw| {
            let (number, unit) = quantity(&value, unit, raw);
            format!("{number}|{unit}")
        };
        assert_eq!(quantity(1536_u64.into(), Unit::Bytes, false), "1.5|KiB");
        assert_eq!(quantity(1536_u64.into(), Unit::Bytes, true), "1536|B");
        assert_eq!(
            quantity(93_784.0.into(), Unit::Seconds, false),
            "1 d 02:03:04|"
        );
        assert_eq!(
            quantity(1500_u64.into(), Unit::Milliseconds, false),
            "1.500|s"
        );
        assert_eq!(quantity(0.5.into(), Unit::Percent, false), "0.50|%");
        assert_eq!(quantity(true.into(), Unit::One, false), "true|");
        assert_eq!(quantity(48.312.into(), Unit::Celsius, false), "48.3|°C");
        let volts = 12.345_678;
        assert_eq!(quantity(volts.into(), Unit::Volts, false), "12.346|V");
        assert_eq!(quantity(volts.into(), Unit::Volts, true), "12.345678|V");
    }

    #[test]
    fn a_moment_is_a_date_unless_the_number_is_wanted() {
        let mut samples = Samples::new();
        samples.value(KpiId::SystemBootTime, None, 1_767_225_600_u64);
        for (raw, expected) in [(false, "2026-01-01T00:00:00Z\n"), (true, "1767225600  s\n")] {
            let mut arguments = arguments(false, false);
            arguments.raw = raw;
            let mut out = Vec::new();
            show(&arguments, &samples, None, Style::Plain, &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            assert!(text.ends_with(expected), "{text}");
        }
    }

    #[test]
    fn a_watched_reading_is_one_line_of_json() {
        let mut arguments = arguments(false, true);
        arguments.watch = Some(1.0);
        assert_eq!(shown(&arguments).lines().count(), 1);
    }

    #[test]
    fn an_unknown_pattern_is_a_wrong_command_line() {
        let failure = wanted(&["memmory.*".to_owned()]).unwrap_err();
        assert_eq!(failure.code, exit::USAGE);
        assert_eq!(wanted(&[]).unwrap(), KpiSet::all());
    }
}
