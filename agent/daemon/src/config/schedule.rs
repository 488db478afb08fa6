//! `[schedule]`, `[retry]`, `[clock]` and `[account.NAME.schedule]`: when sessions start.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use omadm_syncml::Wall;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Config, duration};

/// `[schedule]`: when sessions start by themselves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Schedule {
    /// The time between two sessions of an account; `None` when it is `"off"`.
    #[serde(with = "duration::or_off")]
    pub interval: Option<Duration>,
    /// How much is added to the time of a session at most, by chance.
    #[serde(with = "duration")]
    pub jitter: Duration,
    /// Whether each boot of the machine starts a session.
    pub at_boot: bool,
    /// Whether a network that comes starts a session.
    pub at_network_up: bool,
    /// Times of day at which sessions start.
    pub calendar: Vec<Expression>,
    /// Whose time of day the calendar means.
    pub timezone: Zone,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            interval: Some(Duration::from_hours(24)),
            jitter: Duration::from_hours(1),
            at_boot: false,
            at_network_up: false,
            calendar: Vec::new(),
            timezone: Zone::system(),
        }
    }
}

impl Schedule {
    /// The first time after `after` that the calendar names.
    ///
    /// A time of day that daylight saving time leaves out counts as the moment after the gap,
    /// one that it repeats comes once; what recurs within the hour follows the clock.
    pub fn next_occurrence(&self, after: Wall) -> Option<Wall> {
        let start = self.timezone.at(after)?;
        let times = self.calendar.iter().filter_map(|expression| {
            let found = expression.cron.find_next_occurrence(&start, false).ok()?;
            wall(&found)
        });
        times.min_by_key(|time| time.0)
    }

    /// The last time that the calendar names, `until` included.
    pub fn last_occurrence(&self, until: Wall) -> Option<Wall> {
        let start = self.timezone.at(until)?;
        let times = self.calendar.iter().filter_map(|expression| {
            let found = expression
                .cron
                .find_previous_occurrence(&start, true)
                .ok()?;
            wall(&found)
        });
        times.max_by_key(|time| time.0)
    }
}

/// `[account.NAME]`: what is special about an account.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Account {
    /// What differs from `[schedule]`.
    pub schedule: AccountSchedule,
}

/// `[account.NAME.schedule]`: what is not set here is as `[schedule]` has it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct AccountSchedule {
    /// `interval`
    #[serde(
        with = "duration::given_or_off",
        skip_serializing_if = "Option::is_none"
    )]
    pub interval: Option<Option<Duration>>,
    /// `jitter`
    #[serde(with = "duration::given", skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Duration>,
    /// `at-boot`
    pub at_boot: Option<bool>,
    /// `at-network-up`
    pub at_network_up: Option<bool>,
    /// `calendar`
    pub calendar: Option<Vec<Expression>>,
    /// `timezone`
    pub timezone: Option<Zone>,
}

/// `[retry]`: exponential backoff with full jitter, for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Retry {
    /// The bound of the first wait; it doubles with each failure.
    #[serde(with = "duration")]
    pub initial: Duration,
    /// The bound of every wait.
    #[serde(with = "duration")]
    pub max: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            initial: Duration::from_secs(30),
            max: Duration::from_hours(6),
        }
    }
}

/// `[clock]`: how a wrong clock is dealt with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Clock {
    /// How long after the boot of the machine sessions over TLS wait for a clock that is wrong.
    #[serde(with = "duration")]
    pub wait: Duration,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            wait: Duration::from_mins(5),
        }
    }
}

/// A crontab(5) expression of five fields, or a nickname such as `@daily`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    text: String,
    cron: Cron,
}

impl FromStr for Expression {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build();
        let cron = parser.parse(text).map_err(|error| {
            let error = error.to_string();
            let error = error.trim_end_matches('.');
            format!(
                "\"{text}\" is no crontab expression ({error}); write minute, hour, day of the \
                 month, month and day of the week, like \"30 3 * * *\""
            )
        })?;
        let start = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
        if cron.find_next_occurrence(&start, true).is_err() {
            return Err(format!("\"{text}\" names a time that never comes"));
        }
        Ok(Self {
            text: text.to_owned(),
            cron,
        })
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A time zone by its name in the tz database, or the machine's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    name: String,
    zone: TimeZone,
}

/// The machine's own time zone.
const SYSTEM: &str = "system";

impl Zone {
    /// The machine's own, `/etc/localtime`; UTC when it has none.
    pub fn system() -> Self {
        Self {
            name: SYSTEM.to_owned(),
            zone: TimeZone::try_system().unwrap_or(TimeZone::UTC),
        }
    }

    fn at(&self, wall: Wall) -> Option<Zoned> {
        let micros = i64::try_from(wall.0.as_micros()).ok()?;
        let time = Timestamp::from_microsecond(micros).ok()?;
        Some(time.to_zoned(self.zone.clone()))
    }
}

impl FromStr for Zone {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        if name == SYSTEM {
            return Ok(Self::system());
        }
        let zone = TimeZone::get(name).map_err(|_| {
            format!(
                "\"{name}\" is no time zone of this machine's tz database; write \"system\", \
                 \"UTC\" or a name like \"Europe/Berlin\" (Debian has them in the package tzdata)"
            )
        })?;
        Ok(Self {
            name: name.to_owned(),
            zone,
        })
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

macro_rules! as_text {
    ($($type:ty),*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = String::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }
    )*};
}

as_text!(Expression, Zone);

impl Config {
    /// The schedule of an account.
    pub fn schedule_of(&self, account: &str) -> Schedule {
        let Some(Account { schedule: own }) = self.account.get(account) else {
            return self.schedule.clone();
        };
        let common = &self.schedule;
        Schedule {
            interval: own.interval.unwrap_or(common.interval),
            jitter: own.jitter.unwrap_or(common.jitter),
            at_boot: own.at_boot.unwrap_or(common.at_boot),
            at_network_up: own.at_network_up.unwrap_or(common.at_network_up),
            calendar: own.calendar.as_ref().unwrap_or(&common.calendar).clone(),
            timezone: own.timezone.as_ref().unwrap_or(&common.timezone).clone(),
        }
    }

    pub(super) fn schedule_contradictions(&self) -> Vec<(&'static str, String)> {
        let own = self.account.values().map(|account| &account.schedule);
        let mut intervals = own.filter_map(|own| own.interval);
        let too_short = |interval: Option<Duration>| {
            interval.is_some_and(|interval| interval < Duration::from_secs(1))
        };
        let retry = &self.retry;
        let wrong = [
            (
                too_short(self.schedule.interval) || intervals.any(too_short),
                "interval",
                "must be \"off\" or at least \"1s\"",
            ),
            (
                retry.initial.is_zero(),
                "initial",
                "without a wait, a server that fails would be called all the time",
            ),
            (
                retry.initial > retry.max,
                "initial",
                "is longer than retry.max",
            ),
        ];
        let found = wrong.into_iter().filter(|(is, ..)| *is);
        found.map(|(_, key, text)| (key, text.to_owned())).collect()
    }
}

fn wall(time: &Zoned) -> Option<Wall> {
    let micros = u64::try_from(time.timestamp().as_microsecond()).ok()?;
    Some(Wall(Duration::from_micros(micros)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Wall {
        let time: Timestamp = text.parse().unwrap();
        Wall(Duration::from_micros(
            time.as_microsecond().try_into().unwrap(),
        ))
    }

    fn text(wall: Option<Wall>) -> String {
        let micros = wall.unwrap().0.as_micros().try_into().unwrap();
        Timestamp::from_microsecond(micros).unwrap().to_string()
    }

    fn schedule(calendar: &[&str], zone: &str) -> Schedule {
        Schedule {
            calendar: calendar.iter().map(|text| text.parse().unwrap()).collect(),
            timezone: zone.parse().unwrap(),
            ..Schedule::default()
        }
    }

    #[test]
    fn the_next_and_the_last_time_of_a_calendar_are_found() {
        let daily = schedule(&["30 3 * * *", "0 12 * * MON-FRI"], "Europe/Berlin");
        for (now, last, next) in [
            // A Friday, winter time (UTC+1).
            (
                "2026-01-02T00:00:00Z",
                "2026-01-01T11:00:00Z",
                "2026-01-02T02:30:00Z",
            ),
            (
                "2026-01-02T02:30:00Z",
                "2026-01-02T02:30:00Z",
                "2026-01-02T11:00:00Z",
            ),
            (
                "2026-01-02T12:00:00Z",
                "2026-01-02T11:00:00Z",
                "2026-01-03T02:30:00Z",
            ),
            // Summer time (UTC+2).
            (
                "2026-07-01T00:00:00Z",
                "2026-06-30T10:00:00Z",
                "2026-07-01T01:30:00Z",
            ),
        ] {
            assert_eq!(text(daily.last_occurrence(at(now))), last, "{now}");
            assert_eq!(text(daily.next_occurrence(at(now))), next, "{now}");
        }
        let none = schedule(&[], "UTC");
        assert_eq!(none.next_occurrence(at("2026-01-02T00:00:00Z")), None);
    }

    #[test]
    fn daylight_saving_time_neither_loses_nor_doubles_a_daily_session() {
        // 02:00 to 03:00 is left out on 2026-03-29, and comes twice on 2026-10-25.
        let daily = schedule(&["30 2 * * *"], "Europe/Berlin");
        let follow = |from: &str| {
            let mut times = Vec::new();
            let mut now = at(from);
            for _ in 0..3 {
                now = daily.next_occurrence(now).unwrap();
                times.push(text(Some(now)));
            }
            times
        };
        assert_eq!(
            follow("2026-03-27T12:00:00Z"),
            [
                "2026-03-28T01:30:00Z",
                "2026-03-29T01:00:00Z",
                "2026-03-30T00:30:00Z"
            ],
            "in the gap: the moment after it"
        );
        assert_eq!(
            follow("2026-10-23T12:00:00Z"),
            [
                "2026-10-24T00:30:00Z",
                "2026-10-25T00:30:00Z",
                "2026-10-26T01:30:00Z"
            ],
            "in the fold: the first of the two"
        );
        assert_eq!(
            text(daily.last_occurrence(at("2026-10-25T12:00:00Z"))),
            "2026-10-25T00:30:00Z"
        );
        assert_eq!(
            text(daily.last_occurrence(at("2026-03-29T12:00:00Z"))),
            "2026-03-29T01:00:00Z"
        );
    }

    #[test]
    fn what_recurs_within_the_hour_follows_the_clock() {
        let often = schedule(&["*/30 * * * *"], "Europe/Berlin");
        let mut now = at("2026-10-25T00:00:00Z");
        let mut count = 0;
        while now.0 < at("2026-10-25T02:00:00Z").0 {
            now = often.next_occurrence(now).unwrap();
            count += 1;
        }
        assert_eq!(count, 4, "both passes of the hour that comes twice");
    }

    #[test]
    fn an_account_differs_in_what_it_says() {
        let config: Config = toml::from_str(
            "[schedule]\ninterval = \"1d\"\njitter = \"2h\"\n\
             [account.lab.schedule]\ninterval = \"off\"\ncalendar = [\"@daily\"]\n",
        )
        .unwrap();
        let lab = config.schedule_of("lab");
        assert_eq!(lab.interval, None);
        assert_eq!(lab.jitter, Duration::from_hours(2));
        assert_eq!(lab.calendar.len(), 1);
        assert_eq!(config.schedule_of("other"), config.schedule);
        let written = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<Config>(&written).unwrap(), config);
    }
}
