use super::super::account::{Book, Usable};
use super::super::elapsed::Known;
use super::*;
use crate::store::Anchor;
use omadm_syncml::Now;

const HALF: Dice = 1 << 63;
const MINUTE: u64 = 60;
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

fn moment(boot: u64, wall: Option<u64>) -> Moment {
    Moment {
        boot: Duration::from_secs(boot),
        wall: wall.map(|seconds| Wall(Duration::from_secs(seconds))),
        before: Duration::ZERO,
    }
}

fn at(boot: u64) -> Moment {
    moment(boot, Some(100 * DAY + boot))
}

fn rules(more: &str) -> Rules {
    let text = format!(
        "[schedule]\njitter = \"0s\"\ntimezone = \"UTC\"\n{more}\n[retry]\ninitial = \"30s\"\nmax = \"6h\"\n"
    );
    Rules::of(&toml::from_str(&text).unwrap(), "lab")
}

fn record(anchor: Moment) -> AccountRecord {
    AccountRecord {
        anchor: Some(Anchor::new(anchor)),
        ..AccountRecord::default()
    }
}

fn failed(result: &str, failures: u32) -> AccountRecord {
    AccountRecord {
        failures,
        result: Some(result.to_owned()),
        ..record(at(0))
    }
}

fn next(agenda: &Agenda) -> (u64, Vec<SessionCause>) {
    let next = agenda.next(None).expect("something is due");
    (next.at.as_secs(), next.causes)
}

#[test]
fn causes_that_are_due_together_are_one_session() {
    let rules = rules("interval = \"1h\"");
    let mut agenda = Agenda::default();
    agenda.plan(&rules, &record(at(0)), at(0), &mut || 0);
    agenda.hasten(Due::new(Duration::from_secs(HOUR), SessionCause::Alerts));
    agenda.hasten(Due::new(Duration::from_secs(2 * HOUR), SessionCause::Boot));
    assert_eq!(
        next(&agenda),
        (HOUR, vec![SessionCause::Alerts, SessionCause::Schedule])
    );
    assert!(agenda.take(at(HOUR - 1), None).is_empty());
    assert_eq!(
        agenda.take(at(HOUR), None),
        [SessionCause::Alerts, SessionCause::Schedule]
    );
    assert!(agenda.take(at(HOUR), None).is_empty(), "taken once");
    // A session that succeeds is one for the boot as well.
    agenda.succeeded(&rules, &record(at(HOUR)), at(HOUR), &mut || 0);
    assert_eq!(next(&agenda), (2 * HOUR, vec![SessionCause::Schedule]));
}

#[test]
fn a_failure_backs_off_and_its_retry_stands_for_all_that_waited() {
    let rules = rules("interval = \"1min\"\ncalendar = [\"0 12 * * *\"]");
    let mut agenda = Agenda::default();
    agenda.plan(&rules, &record(at(0)), at(0), &mut || 0);
    agenda.hasten(Due::new(Duration::ZERO, SessionCause::Boot));
    agenda.take(at(0), None);
    let later = Prospect::Later(Duration::ZERO);
    agenda.failed(&rules, 4, later, at(0), &mut || HALF);
    assert_eq!(next(&agenda), (120, vec![SessionCause::Retry]));
    agenda.take(at(120), None);
    // The calendar's time is an attempt too, but not one that was missed.
    let noon = (12 * HOUR, vec![SessionCause::Calendar]);
    assert_eq!(next(&agenda), noon);
    agenda.failed(&rules, 5, Prospect::Unlikely, at(120), &mut || HALF);
    assert_eq!(next(&agenda).0, 120 + 3 * HOUR + 90 * MINUTE);
}

#[test]
fn a_server_that_asks_for_time_is_left_alone() {
    let rules = rules("interval = \"1h\"\nat-network-up = true");
    let mut agenda = Agenda::default();
    let asked = Prospect::Later(Duration::from_secs(2 * HOUR));
    agenda.failed(&rules, 1, asked, at(0), &mut || HALF);
    let hold = agenda.hold(at(10)).unwrap();
    assert_eq!(hold.why, Why::Asked);
    assert_eq!(next(&agenda), (2 * HOUR + 15, vec![SessionCause::Retry]));
    // Neither alerts nor a network that comes make a difference.
    agenda.hasten(Due::new(Duration::from_secs(20), SessionCause::Alerts));
    let bearer = failed("bearer-failed", 1);
    agenda.network_up(&rules, &bearer, true, at(20), &mut || 0);
    assert!(agenda.take(at(30), None).is_empty());
    assert_eq!(next(&agenda).0, 2 * HOUR);
    // Nobody is sent away for ever.
    let ever = Prospect::Later(Duration::from_secs(1000 * DAY));
    agenda.failed(&rules, 1, ever, at(0), &mut || 0);
    assert_eq!(next(&agenda).0, 7 * DAY);
    // A restart forgets nothing of it.
    let mut anew = Agenda::default();
    let kept = AccountRecord {
        not_before: Some(Wall(Duration::from_secs(100 * DAY + 2 * HOUR))),
        ..failed("bearer-failed", 1)
    };
    anew.plan(&rules, &kept, at(MINUTE), &mut || 0);
    assert_eq!(next(&anew).0, 2 * HOUR);
    // What a clock that was wrong has left behind is no hold.
    let mut anew = Agenda::default();
    let kept = AccountRecord {
        not_before: Some(Wall(Duration::from_secs(9000 * DAY))),
        ..kept
    };
    anew.plan(&rules, &kept, at(MINUTE), &mut || 0);
    assert_eq!(next(&anew).0, MINUTE);
}

#[test]
fn a_network_that_comes_brings_the_retry_forward() {
    let plain = rules("interval = \"1d\"");
    let wanted = rules("interval = \"1d\"\nat-network-up = true");
    let later = Prospect::Later(Duration::ZERO);
    for (rules, result, first, expected) in [
        (
            &plain,
            "bearer-failed",
            true,
            (100 + 15, vec![SessionCause::Retry]),
        ),
        (
            &plain,
            "refused",
            true,
            (6 * HOUR / 2, vec![SessionCause::Retry]),
        ),
        (
            &wanted,
            "refused",
            true,
            (100, vec![SessionCause::NetworkUp]),
        ),
        (
            &wanted,
            "refused",
            false,
            (6 * HOUR / 2, vec![SessionCause::Retry]),
        ),
    ] {
        let mut agenda = Agenda::default();
        agenda.failed(rules, 20, later, at(0), &mut || HALF);
        agenda.network_up(rules, &failed(result, 20), first, at(100), &mut || HALF);
        assert_eq!(next(&agenda), expected, "{result}, first {first}");
    }
    // An account that waits for its regular session has no need of it.
    let mut agenda = Agenda::default();
    agenda.plan(&plain, &record(at(0)), at(0), &mut || 0);
    agenda.network_up(&plain, &record(at(0)), true, at(100), &mut || 0);
    assert_eq!(next(&agenda), (DAY, vec![SessionCause::Schedule]));
}

#[test]
fn what_failed_by_the_clock_is_tried_when_it_is_set() {
    let rules = rules("interval = \"1d\"");
    for (prospect, expected) in [
        (Prospect::Clock, 100 + 15),
        (Prospect::Later(Duration::ZERO), 3 * HOUR),
        (Prospect::Unlikely, 3 * HOUR + 90 * MINUTE),
    ] {
        let mut agenda = Agenda::default();
        agenda.failed(&rules, 20, prospect, moment(0, None), &mut || HALF);
        agenda.clock_set(&rules, &failed("bearer-failed", 20), at(100), &mut || HALF);
        assert_eq!(next(&agenda).0, expected, "{prospect:?}");
    }
}

#[test]
fn sessions_over_tls_wait_for_the_clock_with_a_bound() {
    let rules = rules("interval = \"1h\"");
    let bound = Some(Duration::from_mins(5));
    for (tls, taken) in [(true, 0), (false, 1)] {
        let mut agenda = Agenda {
            tls,
            ..Agenda::default()
        };
        agenda.plan(&rules, &record(at(0)), moment(0, None), &mut || 0);
        agenda.hasten(Due::new(Duration::from_secs(10), SessionCause::Boot));
        let expected = if tls { 300 } else { 10 };
        assert_eq!(agenda.next(bound).unwrap().at.as_secs(), expected);
        assert_eq!(agenda.take(moment(20, None), bound).len(), taken);
        // It is set, or the bound has passed.
        assert_eq!(agenda.take(moment(20, None), None).len(), 1 - taken);
    }
}

#[test]
fn a_calendar_waits_for_the_clock_and_makes_up_for_what_was_missed() {
    let rules = rules("interval = \"off\"\ncalendar = [\"0 12 * * *\"]");
    let mut agenda = Agenda::default();
    // Made yesterday at ten, and switched off over noon.
    let yesterday = Moment {
        before: Duration::from_hours(20),
        ..moment(0, None)
    };
    let record = AccountRecord {
        anchor: Some(Anchor {
            wall: Some(Wall(Duration::from_secs(99 * DAY + 10 * HOUR))),
            power_on: Duration::from_hours(10),
        }),
        ..AccountRecord::default()
    };
    agenda.plan(&rules, &record, yesterday, &mut || 0);
    assert_eq!(agenda.next(None), None, "no clock, no time of day");
    let set = Moment {
        before: Duration::from_hours(20),
        ..at(60)
    };
    agenda.clock_set(&rules, &record, set, &mut || 0);
    assert_eq!(next(&agenda), (60, vec![SessionCause::Calendar]));
    assert_eq!(agenda.take(set, None), [SessionCause::Calendar]);
    let success = AccountRecord {
        anchor: Some(Anchor::new(set)),
        ..AccountRecord::default()
    };
    agenda.succeeded(&rules, &success, set, &mut || 0);
    assert_eq!(next(&agenda), (12 * HOUR, vec![SessionCause::Calendar]));
    // Set back by an hour: noon has not come yet. Set ahead over noon: once, at once.
    let back = Moment {
        wall: Some(Wall(Duration::from_secs(100 * DAY - HOUR))),
        ..set
    };
    agenda.clock_set(&rules, &success, back, &mut || 0);
    assert_eq!(next(&agenda).0, 60 + 13 * HOUR);
    let ahead = Moment {
        wall: Some(Wall(Duration::from_secs(100 * DAY + 13 * HOUR))),
        ..set
    };
    agenda.clock_set(&rules, &success, ahead, &mut || 0);
    assert_eq!(next(&agenda).0, 60);
}

#[test]
fn an_account_whose_sessions_end_the_daemon_is_left_alone_for_an_interval() {
    let crashed = |crashes, now: Moment| AccountRecord {
        crashes,
        not_before: now
            .wall
            .map(|wall| Wall(wall.0 + Duration::from_secs(DAY - HOUR))),
        ..failed("crashed", crashes)
    };
    let rules = rules("interval = \"1d\"");
    let mut agenda = Agenda::default();
    let now = at(HOUR);
    agenda.hold_back(&rules, now);
    agenda.plan(&rules, &crashed(3, now), now, &mut || 0);
    agenda.hasten(Due::new(now.boot, SessionCause::Alerts));
    assert!(agenda.take(now, None).is_empty());
    assert_eq!(next(&agenda).0, DAY + HOUR);
    assert_eq!(agenda.hold(now).unwrap().why, Why::Crashes);
    // The daemon alone is started again: nothing is forgotten, with a clock and without.
    let mut anew = Agenda::default();
    anew.plan(&rules, &crashed(3, now), now, &mut || 0);
    assert_eq!(next(&anew).0, DAY);
    let mut anew = Agenda::default();
    anew.plan(
        &rules,
        &crashed(3, moment(HOUR, None)),
        moment(HOUR, None),
        &mut || 0,
    );
    assert_eq!(next(&anew).0, DAY + HOUR);
}

/// A device: its daemon's memory is lost whenever it is switched off.
struct Device {
    config: Config,
    stored: AccountRecord,
    kept: Option<String>,
    /// True time, and where the boot clock started.
    time: u64,
    booted: u64,
    sessions: Vec<u64>,
}

impl Device {
    fn new(more: &str) -> Self {
        let text = format!("[schedule]\njitter = \"10min\"\n{more}\n");
        Self {
            config: toml::from_str(&text).unwrap(),
            stored: AccountRecord::default(),
            kept: None,
            time: 100 * DAY,
            booted: 0,
            sessions: Vec::new(),
        }
    }

    /// Runs for a while after a boot. `clock` makes what the wall clock says of the seconds
    /// since the boot and of the true time.
    fn run(&mut self, seconds: u64, clock: impl Fn(u64, u64) -> Option<u64>) {
        self.booted = self.time;
        self.time += MINUTE;
        let now = |device: &Self| Now {
            boot: Duration::from_secs(device.time - device.booted),
            wall: clock(device.time - device.booted, device.time)
                .map(|seconds| Wall(Duration::from_secs(seconds))),
        };
        let mut dice = || HALF;
        let usable = [Usable {
            name: "lab".to_owned(),
            tls: false,
            waits: false,
        }];
        let mut book = Book::default();
        book.local("lab").record = self.stored.clone();
        let mut known = Known::load(self.kept.as_deref(), book.latest(), false, now(self));
        let moment = known.moment(now(self));
        book.plan(&usable, &self.config, true, moment, &mut dice);
        self.stored = book.local("lab").record.clone();
        let mut offset = None;
        for _ in 0..seconds / MINUTE {
            self.time += MINUTE;
            let time = now(self);
            if time.boot >= known.keep_at() {
                self.kept = Some(known.keep(time));
            }
            let stands = time.wall.map(|wall| wall.0.saturating_sub(time.boot));
            if offset
                .replace(stands)
                .is_some_and(|before| before != stands)
            {
                known.clock_set(time);
                book.clock_set(&self.config, known.moment(time), &mut dice);
                self.stored = book.local("lab").record.clone();
            }
            let moment = known.moment(time);
            if !book.take_due(moment, None, None).is_empty() {
                self.sessions.push(self.time);
                let rules = Rules::of(&self.config, "lab");
                let local = book.local("lab");
                local.record.anchor = Some(Anchor::new(moment));
                local.record.succeeded = moment.wall;
                local
                    .agenda
                    .succeeded(&rules, &local.record, moment, &mut dice);
                self.stored = local.record.clone();
            }
        }
    }

    fn off(&mut self, seconds: u64) {
        self.time += seconds;
    }

    /// Hours between the sessions, the first since the account was made.
    fn gaps(&self) -> Vec<u64> {
        let starts = std::iter::once(100 * DAY).chain(self.sessions.iter().copied());
        let pairs = starts.zip(&self.sessions);
        pairs
            .map(|(from, to)| (to - from + HOUR / 2) / HOUR)
            .collect()
    }
}

#[test]
fn a_device_that_is_switched_off_each_night_calls_daily() {
    let mut right = Device::new("interval = \"1d\"");
    let mut late = Device::new("interval = \"1d\"");
    let mut never = Device::new("interval = \"1d\"");
    for _ in 0..10 {
        right.run(8 * HOUR, |_, time| Some(time));
        // Unset at boot, set after five minutes.
        late.run(8 * HOUR, |up, time| (up >= 300).then_some(time));
        never.run(8 * HOUR, |_, _| None);
        for device in [&mut right, &mut late, &mut never] {
            device.off(16 * HOUR);
        }
    }
    // Day by day, as soon as the day's power is there.
    assert_eq!(right.gaps(), [24; 9], "{:?}", right.sessions);
    assert_eq!(late.gaps(), [24; 9], "{:?}", late.sessions);
    // Nothing says how long a night is: what was seen of the days adds up to one, four at most.
    assert_eq!(never.gaps(), [75; 3], "{:?}", never.sessions);
}

#[test]
fn a_clock_that_is_wrong_neither_crowds_nor_starves_the_schedule() {
    for (what, wrong) in [
        ("set back by two days", -2 * 86_400_i64),
        ("set years ahead", 20 * 366 * 86_400),
    ] {
        let mut device = Device::new("interval = \"1d\"");
        let clock = |up: u64, time: u64| {
            let shift = if (2 * HOUR..30 * HOUR).contains(&up) {
                wrong
            } else {
                0
            };
            time.checked_add_signed(shift)
        };
        device.run(4 * DAY, clock);
        assert_eq!(device.gaps(), [24; 3], "{what}: {:?}", device.sessions);
    }
    // Wrong all day, and nobody knows how long the night was: as without a clock, but once.
    let mut device = Device::new("interval = \"1d\"");
    device.run(8 * HOUR, |_, time| Some(time + 20 * 366 * DAY));
    device.off(16 * HOUR);
    for _ in 0..5 {
        device.run(8 * HOUR, |up, time| {
            Some(if up < 300 { time - DAY } else { time })
        });
        device.off(16 * HOUR);
    }
    let gaps = device.gaps();
    assert!(gaps.iter().skip(1).all(|gap| *gap == 24), "{gaps:?}");
    assert!(gaps[0] <= 75, "{gaps:?}");
}

#[test]
fn a_device_that_runs_on_keeps_to_its_interval_and_calendar() {
    let mut device = Device::new("interval = \"6h\"");
    device.run(2 * DAY, |_, time| Some(time));
    assert_eq!(device.gaps(), [6; 7]);
    let mut device =
        Device::new("interval = \"off\"\ncalendar = [\"0 12 * * *\"]\ntimezone = \"UTC\"");
    for _ in 0..4 {
        device.run(8 * HOUR, |_, time| Some(time));
        device.off(16 * HOUR);
    }
    // On from midnight to eight: noon is always missed, and made up for each morning.
    assert_eq!(device.gaps(), [24; 3], "{:?}", device.sessions);
}

#[test]
fn a_link_that_flaps_for_a_day_starts_a_session_every_few_minutes() {
    let rules = rules("interval = \"off\"\nat-network-up = true");
    for record in [record(at(0)), failed("bearer-failed", 9)] {
        let mut agenda = Agenda::default();
        let later = Prospect::Later(Duration::ZERO);
        let mut sessions = 0;
        for second in 0..DAY {
            if second % 10 == 0 {
                agenda.network_up(&rules, &record, true, at(second), &mut || 0);
            }
            if !agenda.take(at(second), None).is_empty() {
                sessions += 1;
                match record.failures {
                    0 => agenda.succeeded(&rules, &record, at(second), &mut || 0),
                    failures => {
                        agenda.failed(&rules, failures, later, at(second), &mut || u64::MAX);
                    }
                }
            }
        }
        assert!((250..=290).contains(&sessions), "{sessions}");
    }
}
