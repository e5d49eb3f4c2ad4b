//! What the machine was: without it no figure means anything.

use std::process::Command;

use procfs::{CpuInfo, Current as _, LoadAverage, Meminfo};

/// One line about the machine, its load as it is now.
pub(crate) fn describe() -> String {
    let cpu = CpuInfo::current().expect("/proc/cpuinfo");
    let memory = Meminfo::current().expect("/proc/meminfo").mem_total / (1 << 30);
    let load = LoadAverage::current().expect("/proc/loadavg").one;
    let kernel = procfs::sys::kernel::Version::current().expect("the kernel's version");
    format!(
        "{} cores of {}, {memory} GiB, Linux {}.{}, {}, load {load:.1} before it began",
        cpu.num_cores(),
        cpu.model_name(0).unwrap_or("an unknown CPU"),
        kernel.major,
        kernel.minor,
        compiler(),
    )
}

/// The compiler that cargo runs here.
fn compiler() -> String {
    let told = Command::new("rustc").arg("--version").output();
    let told = told.ok().and_then(|output| String::from_utf8(output.stdout).ok());
    let version = told.as_deref().and_then(|told| told.split(' ').nth(1));
    format!("rustc {}", version.unwrap_or("unknown"))
}
