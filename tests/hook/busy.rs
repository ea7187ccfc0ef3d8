// SPDX-License-Identifier: BSD-2-Clause
//! What Rust programs do: threads, channels, panics that are caught, files, children.
use std::collections::BTreeMap;
use std::fs;
use std::panic;
use std::process::Command;
use std::sync::mpsc;
use std::thread;

fn caught(n: u32) -> u32 {
    panic::catch_unwind(|| {
        if n % 3 == 0 {
            panic!("{}", n);
        }
        n
    })
    .unwrap_or(1000)
}

fn main() {
    let (to, from) = mpsc::channel();
    let mut sums: BTreeMap<u32, u64> = BTreeMap::new();

    panic::set_hook(Box::new(|_| {}));
    let threads: Vec<_> = (0..20u32)
        .map(|i| {
            let to = to.clone();
            thread::spawn(move || {
                for n in 0..200 {
                    to.send((i % 4, u64::from(caught(n)))).unwrap();
                }
            })
        })
        .collect();
    drop(to);
    for (key, n) in from {
        *sums.entry(key).or_insert(0) += n;
    }
    for t in threads {
        t.join().unwrap();
    }
    let path = std::env::temp_dir().join(format!("busy-{}", std::process::id()));
    fs::write(&path, format!("{:?}", sums)).unwrap();
    println!("{}", fs::read_to_string(&path).unwrap());
    fs::remove_file(&path).unwrap();
    let child = Command::new("/bin/sh").args(["-c", "echo child; exit 7"]).output().unwrap();
    print!("{}", String::from_utf8(child.stdout).unwrap());
    std::process::exit(child.status.code().unwrap());
}
