use super::super::fixture::{BOARD, DMI, recorded};
use super::*;

fn read(files: &[(&str, &str)]) -> Machine {
    let (_dir, fs) = recorded(files);
    Machine::read(&Device::default(), &fs)
}

#[test]
fn a_machine_with_dmi_says_what_it_is() {
    let machine = read(DMI);
    assert_eq!(machine.manufacturer.value, "PC Engines");
    assert_eq!(machine.model.value, "apu2");
    assert_eq!(machine.oem.value, "PC Engines Board");
    assert_eq!(machine.device_type.value, "gateway");
    assert_eq!(machine.firmware_version.value, "v4.19.0.1");
    assert_eq!(
        machine.software_version.value,
        "Debian GNU/Linux 12 (bookworm), Linux 6.1.0-28-amd64"
    );
    assert_eq!(machine.hardware_version.value, "1.0");
    assert_eq!(machine.language.value, "de-DE");
    assert_eq!(machine.manufacturer.source, Source::File(SYS_VENDOR));
    assert!(machine.unknown().is_empty());
}

#[test]
fn a_board_with_a_device_tree_says_what_it_is() {
    let machine = read(BOARD);
    assert_eq!(machine.manufacturer.value, "raspberrypi");
    assert_eq!(machine.model.value, "Raspberry Pi 4 Model B Rev 1.4");
    assert_eq!(machine.hardware_version.value, "raspberrypi,4-model-b");
    assert_eq!(machine.firmware_version.value, "2023.01+dfsg-2");
    assert_eq!(
        machine.software_version.value,
        "Gateway OS, image 7, Linux 6.6.20-v8"
    );
    assert_eq!(machine.language.value, "en");
    assert_eq!(
        machine.unknown(),
        [("./DevDetail/DevTyp", "device.device-type")]
    );
}

#[test]
fn an_empty_container_says_that_nothing_is_known() {
    let machine = read(&[]);
    for fact in [
        &machine.manufacturer,
        &machine.model,
        &machine.software_version,
    ] {
        assert_eq!(
            (fact.value.as_str(), fact.source),
            ("unknown", Source::Nowhere)
        );
    }
    assert_eq!(machine.unknown().len(), 7);
}

#[test]
fn fields_that_were_never_filled_in_are_passed_over() {
    let machine = read(&[
        (SYS_VENDOR, "To Be Filled By O.E.M.\n"),
        (BOARD_VENDOR, "Supermicro\n"),
        (PRODUCT_NAME, "Default string\n"),
        (BOARD_NAME, "X11\n"),
        (CHASSIS_TYPE, "1\n"),
    ]);
    assert_eq!(machine.manufacturer.value, "Supermicro");
    assert_eq!(machine.model.value, "X11");
    assert_eq!(machine.device_type.source, Source::Nowhere);
}

#[test]
fn the_configuration_comes_first() {
    let (_dir, fs) = recorded(DMI);
    let device = Device {
        manufacturer: Some("Acme".to_owned()),
        language: Some("fr".to_owned()),
        ..Device::default()
    };
    let machine = Machine::read(&device, &fs);
    assert_eq!(machine.manufacturer.value, "Acme");
    assert_eq!(machine.manufacturer.source, Source::Configuration);
    assert_eq!(machine.language.value, "fr");
    assert_eq!(machine.model.value, "apu2");
}

#[test]
fn assignments_are_read_as_a_shell_reads_them() {
    let text = "A=plain\nB=\"say \\\"hi\\\" \\$x\"\nC='li\\t'\nD=\nA=later\n";
    let value = |name| assignment(text, name);
    assert_eq!(value("A").as_deref(), Some("later"));
    assert_eq!(value("B").as_deref(), Some("say \"hi\" $x"));
    assert_eq!(value("C").as_deref(), Some("li\\t"));
    assert_eq!(value("D"), None);
    assert_eq!(value("E"), None);
}

#[test]
fn locales_become_language_tags() {
    for (locale, tag) in [
        ("de_DE.UTF-8", Some("de-DE")),
        ("sr_RS@latin", Some("sr-RS")),
        ("pt", Some("pt")),
        ("C.UTF-8", None),
        ("POSIX", None),
        ("", None),
    ] {
        assert_eq!(
            language(&format!("LANG={locale}\n")).as_deref(),
            tag,
            "{locale}"
        );
    }
}
