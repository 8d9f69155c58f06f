//! Connections of one peer, and signals while the gateway starts.

use super::{asked, from};
use crate::http::gateway::{Gateway, program};
use crate::http::world::World;
use crate::world::Disk;
use std::process::Command;
use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
#[test]
fn a_hangup_while_it_starts_does_not_end_it() {
    let (mut early, mut starts) = (0, 0);
    while starts < 5 || (early == 0 && starts < 40) {
        starts += 1;
        let disk = Disk::new();
        let database = disk.path();
        let mut command = Command::new(program());
        command
            .args(["--listen", "127.0.0.1:0", "--database"])
            .arg(&database)
            .env("SWITCHBOARD_SUPER_PASSWORD", "x");
        let gateway = Gateway::spawn_and(command, |id| {
            // Waits until the process catches the signal: before that, the program has not started.
            let caught = || {
                let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
                let mask = status
                    .lines()
                    .find_map(|line| line.strip_prefix("SigCgt:"))?
                    .trim();
                Some(u64::from_str_radix(mask, 16).ok()? & 1 == 1)
            };
            let began = Instant::now();
            while caught() != Some(true) {
                assert!(
                    began.elapsed() < Duration::from_secs(20),
                    "it never listens"
                );
                std::thread::yield_now();
            }
            early += usize::from(!database.exists());
            assert!(
                Command::new("kill")
                    .args(["-s", "HUP", &id.to_string()])
                    .status()
                    .unwrap()
                    .success()
            );
        });
        gateway.log_in("admin", "x", "");
        let (status, log) = gateway.stop();
        assert_eq!(status.code(), Some(0), "{log}");
    }
    println!("in {early} of {starts} starts it listened before the database was there");
    assert!(early > 0);
}

#[test]
fn the_peers_of_one_network_leave_connections_to_others() {
    let world = World::new(&["--connections", "60", "--connections-per-peer", "20"]);
    let crowd: Vec<_> = (10..70)
        .map(|n| asked(from(&world, &format!("127.0.2.{n}"))))
        .collect();
    let served = crowd
        .iter()
        .filter(|(first, _)| first == "HTTP/1.1 200")
        .count();
    println!("60 connections from 60 addresses of a /24, one each: {served} served");
    assert_eq!(served, 30, "20 of one peer, and a quarter of the other 40");
    let office: Vec<_> = (0..20).map(|_| asked(from(&world, "127.0.3.1"))).collect();
    assert!(
        office.iter().all(|(first, _)| first == "HTTP/1.1 200"),
        "an office of another network has all of its share"
    );
}

#[test]
fn one_peer_has_its_share_of_the_connections() {
    let world = World::new(&[
        "--connections",
        "60",
        "--connections-per-peer",
        "20",
        "--trusted-proxy",
        "127.0.0.2",
    ]);
    let greedy: Vec<_> = (0..30).map(|_| asked(from(&world, "127.0.0.3"))).collect();
    let served = greedy
        .iter()
        .filter(|(first, _)| first == "HTTP/1.1 200")
        .count();
    assert_eq!(served, 20);
    assert_eq!(
        asked(from(&world, "127.0.0.4")).0,
        "HTTP/1.1 200",
        "another peer"
    );
    let proxied: Vec<_> = (0..25).map(|_| asked(from(&world, "127.0.0.2"))).collect();
    assert!(
        proxied.iter().all(|(first, _)| first == "HTTP/1.1 200"),
        "a trusted proxy is not a peer"
    );
}

/// A storm of SIGHUPs causes only one or two more reloads, one at a time.
#[test]
fn hangups_do_not_queue() {
    let world = World::new(&[]);
    let before = world.gateway.threads();
    for _ in 0..500 {
        world.gateway.signal("HUP");
    }
    world.post("served meanwhile");
    let during = world.gateway.threads();
    let began = Instant::now();
    let (status, log) = world.gateway.stop();
    let times = log.matches("reloaded").count();
    println!(
        "500 hangups: {before} threads before, {during} with them, read {times} times; stopped after {:?}",
        began.elapsed()
    );
    assert!(status.success() && !log.contains("ERROR"), "{log}");
    assert!(during < before + 8 && began.elapsed() < Duration::from_secs(5));
}
