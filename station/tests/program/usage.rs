//! The program alone: what it makes, and what it says when it is used wrongly. Each fault says what was wrong and what to do.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::scratch::Scratch;
use serde_json::Value;

/// Exit code, standard output, standard error.
fn run(data: &Path, args: &[&str], input: &[u8]) -> (i32, String, String) {
    run_in("C", data, args, input)
}

/// The same where the environment names a language.
fn run_in(locale: &str, data: &Path, args: &[&str], input: &[u8]) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_counterpart"))
        .env("COUNTERPART_DATA", data)
        .env("LC_ALL", locale)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Commands that read nothing may have ended already.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

const INIT: [&str; 7] =
    ["init", "--name", "Ministry of Northland", "--call-sign", "Northland", "--zone", "Europe/Oslo"];

#[test]
fn a_station_that_is_made_is_in_order_and_is_not_made_twice() {
    let scratch = Scratch::new("usage-init");
    let data = scratch.path().join("station");

    let (code, out, err) = run(&data, &INIT, b"");
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("station.root-key") && out.contains("serve"), "{out}");
    assert_eq!(std::fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    let (code, out, _) = run(&data, &["doctor"], b"");
    assert_eq!(code, 0, "{out}");
    let (code, out, err) = run(&data, &["lines"], b"");
    assert_eq!((code, out.as_str()), (0, "No line yet.\n"), "{err}");
    let (code, _, err) = run(&data, &INIT, b"");
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("counterpart.toml"), "{err}");
}

#[test]
fn a_backup_is_a_station_that_knows_that_it_is_restored() {
    let scratch = Scratch::new("usage-backup");
    let (data, copy) = (scratch.path().join("station"), scratch.path().join("copy"));
    run(&data, &INIT, b"");

    let (code, out, err) = run(&data, &["backup", copy.to_str().unwrap()], b"");
    assert_eq!(code, 0, "{out}{err}");
    let (code, out, _) = run(&copy, &["doctor"], b"");
    assert!(code == 3 && out.contains("restored from a backup"), "{code} {out}");
    let (code, _, err) = run(&data, &["backup", copy.to_str().unwrap()], b"");
    assert!(code != 0 && err.contains("exists"), "{err}");
}

#[test]
fn a_command_speaks_as_it_is_told_else_as_its_environment_and_what_programs_read_stays_english() {
    let scratch = Scratch::new("usage-language");
    let nowhere = scratch.path().join("nowhere");
    let lines = |locale, args: &[&str]| {
        let (code, out, err) = run_in(locale, &nowhere, args, b"");
        assert_eq!(code, 2, "{out}{err}");
        out + &err
    };

    assert!(lines("ru_RU.UTF-8", &["lines"]).contains("станции нет"));
    assert!(lines("ru_RU.UTF-8", &["lines", "--speak", "en"]).contains("holds no station"));
    assert!(lines("C", &["--speak", "ru", "lines"]).contains("станции нет"));
    assert!(lines("de_DE.UTF-8", &["lines"]).contains("holds no station"));
    let json: Value = serde_json::from_str(&lines("ru_RU.UTF-8", &["lines", "--json"])).unwrap();
    assert_eq!(json["error"]["code"], "no-data");
    assert!(json["error"]["what"].as_str().unwrap().contains("holds no station"), "{json}");
    assert!(lines("C", &["--speak", "tlh", "lines"]).contains("Take one of: en, ru."));
    // The language of a text is another matter.
    let text = ["text", "--from", "a", "--to", "b", "--language", "fr", "Bonjour"];
    assert!(lines("ru_RU.UTF-8", &text).contains("станции нет"));
}

#[test]
fn a_wrong_command_ends_with_2_and_says_what_to_write() {
    let scratch = Scratch::new("usage-wrong");
    let data = scratch.path().join("station");
    run(&data, &INIT, b"");
    let [nowhere, gone] = ["nowhere", "gone"].map(|name| scratch.path().join(name));
    std::fs::create_dir(&gone).unwrap();
    std::fs::write(gone.join("counterpart.db"), b"").unwrap();
    let ask = ["ask", "--from", "a", "--to", "b"];
    let with = |more: &[&'static str]| [ask.as_slice(), more].concat();

    let wrong: [(&Path, Vec<&str>, &[u8], &str); 13] = [
        (&data, vec!["alerting", "1"], b"", "no command “alerting”"),
        (&data, vec!["seen"], b"", "It lacks: <NAME>."),
        (
            &data,
            vec!["status", "Northland", "1"],
            b"",
            "“1” is not taken here. Words that belong together stand in quotes",
        ),
        (&data, vec!["status", "-1"], b"", "Words that begin with a hyphen stand behind “--”"),
        (&data, with(&["--valid-until", "soon"]), b"", "“soon” is not a time"),
        (&data, with(&["--valid-until", "2027-03-28 02:30"]), b"", "2027-03-28T03:30:00+02:00"),
        (&data, with(&["--valid-until", "2027-10-31 02:30"]), b"", "2027-10-31T02:30:00+01:00"),
        (&data, with(&["--valid-until", "12:00@Mars"]), b"", "No zone is called “Mars”"),
        (&data, with(&["-"]), b"\xff\xfe", "not UTF-8"),
        (&data, with(&["-"]), b"", "There are no words"),
        (&nowhere, with(&[]), b"", "counterpart init"),
        (&nowhere, vec!["record"], b"", "counterpart init"),
        (&gone, vec!["record"], b"", "do not make another station there"),
    ];
    for (data, args, input, said) in wrong {
        let (code, out, err) = run(data, &args, input);
        assert_eq!(code, 2, "{args:?}: {out}{err}");
        assert!(err.contains(said), "{args:?}: {err}");
    }
}

#[test]
fn an_act_without_a_station_ends_with_3_and_a_fault_has_a_json_form() {
    let scratch = Scratch::new("usage-absent");
    let data = scratch.path().join("station");
    run(&data, &INIT, b"");

    let (code, out, err) = run(&data, &["--json", "memo", "x"], b"");
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, told["error"]["code"].as_str(), told["error"]["fault"].as_str()),
        (3, Some("no-station"), Some("error"))
    );
    assert!(told["error"]["do"].as_str().unwrap().contains("serve"), "{err}");
    for args in [["invite"].as_slice(), &["pairings"], &["abandon"], &["bell"]] {
        assert_eq!(run(&data, args, b"").0, 3, "{args:?}");
    }
}

#[test]
fn a_command_that_cannot_be_understood_has_a_json_form_too() {
    let scratch = Scratch::new("usage-json");

    for args in [["--json", "alerting"].as_slice(), &["seen", "--json"], &["--json"], &["--json", "lines", "--colour"]]
    {
        let (code, out, err) = run(scratch.path(), args, b"");
        let told: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((code, err.as_str(), &told["error"]["fault"]), (2, "", &Value::from("usage")), "{args:?}: {out}");
        assert_eq!(told["error"]["code"], "command-unreadable");
    }
    let (code, out, _) = run(scratch.path(), &["--json", "--version"], b"");
    assert!(code == 0 && out.starts_with("counterpart "), "{out}");
}

#[test]
fn help_names_every_exit_code() {
    let scratch = Scratch::new("usage-help");
    let (code, out, _) = run(scratch.path(), &["--help"], b"");

    assert_eq!(code, 0);
    for said in ["0  done", "1  not done", "2  the command", "3  no station", "4  the other station"] {
        assert!(out.contains(said), "{said}");
    }
}

#[test]
fn a_configuration_that_is_broken_is_named_with_its_line() {
    let scratch = Scratch::new("usage-config");
    let data = scratch.path().join("station");
    run(&data, &INIT, b"");
    let file = data.join("counterpart.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("Europe/Oslo", "Europe/Atlantis")).unwrap();

    let (code, _, err) = run(&data, &["defer", "1", "--until", "12:00"], b"");
    assert!(code == 2 && err.contains("Europe/Atlantis") && err.contains("line"), "{err}");
    let (code, out, _) = run(&data, &["doctor"], b"");
    assert!(code == 3 && out.contains("Europe/Atlantis"), "{out}");
}

#[test]
fn an_answer_to_init_that_does_not_fit_is_refused_by_its_flag_and_nothing_is_made() {
    let scratch = Scratch::new("usage-unfit");
    let data = scratch.path().join("station");
    // 141 letters of two bytes each.
    let long = "М".repeat(141);
    let init = |name: &str, flag: &str, said: &str| {
        let answer = format!("{flag}={said}");
        run(&data, &["init", "--name", name, "--call-sign", "Northland", &answer], b"")
    };

    let (code, _, told) = run(&data, &["init", "--name", &long, "--call-sign", "Northland"], b"");
    assert_eq!(code, 2, "{told}");
    for part in ["--name: it is 282 bytes long, over 200", "a Cyrillic one two", "--name \"Ministry of Northland\""] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!told.contains("counterpart.toml"), "that file is not there: {told}");
    for (flag, said, part) in [
        ("--zone", "Europe/Atlantis", "--zone: “Europe/Atlantis”"),
        ("--listen", "here", "--listen: “here”"),
        ("--announce", "nowhere", "--announce: “nowhere”"),
        ("--desk", "0.0.0.0:7412", "--desk: it is 0.0.0.0:7412"),
    ] {
        let (code, _, told) = init("Ministry", flag, said);
        assert!(code == 2 && told.contains(part) && told.contains(&format!("{flag} ")), "{told}");
    }
    let (code, _, told) = init("Ministry", "--root-key", data.join("root").to_str().unwrap());
    assert!(code == 2 && told.contains("would lie inside the data directory"), "{told}");
    assert!(!data.exists(), "a directory that was made for nothing goes");
}

#[test]
fn who_may_not_read_the_directory_is_told_so_and_not_that_there_is_no_station() {
    let scratch = Scratch::new("usage-closed");
    let data = scratch.path().join("station");
    run(&data, &INIT, b"");
    // Root reads everything: the command is given as nobody, with a program that nobody may start.
    let program = scratch.path().join("counterpart");
    std::fs::copy(env!("CARGO_BIN_EXE_counterpart"), &program).unwrap();
    let mut command = Command::new(&program);
    if rustix::process::geteuid().is_root() {
        command.uid(65_534).gid(65_534);
    } else {
        std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o0)).unwrap();
    }

    let told = command.arg("--data").arg(&data).arg("lines").env("LC_ALL", "C").output().unwrap();
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o700)).unwrap();

    let said = String::from_utf8(told.stderr).unwrap();
    assert!(told.status.code() == Some(2) && said.contains("This user may not read"), "{said}");
}

#[test]
fn a_directory_that_takes_no_writes_is_read_and_a_journal_that_cannot_be_read_there_is_named() {
    let scratch = Scratch::new("usage-still");
    let data = scratch.path().join("station #1");
    run(&data, &INIT, b"");
    let program = scratch.path().join("counterpart");
    std::fs::copy(env!("CARGO_BIN_EXE_counterpart"), &program).unwrap();
    let mode = |mode| std::fs::set_permissions(&data, std::fs::Permissions::from_mode(mode)).unwrap();
    let is_root = rustix::process::geteuid().is_root();
    // Root writes everywhere: the directory becomes nobody's, who reads it.
    let hand_over = || {
        let found = std::fs::read_dir(&data).unwrap().map(|file| file.unwrap().path());
        for path in found.chain([data.clone()]).filter(|_| is_root) {
            std::os::unix::fs::chown(path, Some(65_534), Some(65_534)).unwrap();
        }
        mode(0o500);
    };
    let read = |args: &[&str]| {
        let mut command = Command::new(&program);
        if is_root {
            command.uid(65_534).gid(65_534);
        }
        let ended = command.arg("--data").arg(&data).args(args).env("LC_ALL", "C").output().unwrap();
        let said = String::from_utf8([ended.stdout, ended.stderr].concat()).unwrap();
        (ended.status.code().unwrap(), said)
    };
    let names = || std::fs::read_dir(&data).unwrap().count();

    hand_over();
    let before = names();
    assert_eq!(read(&["lines"]), (0, "No line yet.\n".into()));
    let (code, said) = read(&["doctor"]);
    assert!(code == 3 && said.contains("The database hangs together"), "{said}");
    assert_eq!(names(), before, "nothing is left there");

    mode(0o700);
    std::fs::write(data.join("counterpart.db-wal"), [7; 64]).unwrap();
    hand_over();
    let (code, said) = read(&["lines"]);
    mode(0o700);
    assert_eq!(code, 2, "{said}");
    for part in ["counterpart.db-wal holds the newest entries", "Copy the whole directory"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn what_cannot_be_written_out_is_told_and_a_reader_that_has_gone_is_not() {
    let scratch = Scratch::new("usage-full");
    let data = scratch.path().join("station");
    run(&data, &INIT, b"");
    let lines = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_counterpart"));
        command.arg("--data").arg(&data).arg("lines").env("LC_ALL", "C").stderr(Stdio::piped());
        command
    };

    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let told = lines().stdout(full).output().unwrap();
    let said = String::from_utf8(told.stderr).unwrap();
    assert!(told.status.code() == Some(3) && said.contains("could not be written out: No space left"), "{said}");

    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let told = lines().stdout(writer).output().unwrap();
    assert_eq!((told.status.code(), told.stderr), (Some(0), Vec::new()));
}
