package import AssayDomain
import Glibc

/// What a worker can say of the machine that it runs on.
package enum ThisMachine {
    /// Its architecture and instruction sets.
    package static var labels: [WorkerLabel] {
        var name = utsname()
        uname(&name)
        let architecture = withUnsafeBytes(of: &name.machine) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let line = lines(of: "/proc/cpuinfo").first { $0.hasPrefix("flags") || $0.hasPrefix("Features") }
        let flags = (line ?? "").split(whereSeparator: { ": \t".contains($0) }).dropFirst().map(String.init)
        return WorkerLabel.ofMachine(architecture: architecture, flags: flags)
    }

    /// Its name in the network, as far as it can name a worker; `worker` where nothing of it can.
    package static var name: String {
        var name = utsname()
        uname(&name)
        let text = withUnsafeBytes(of: &name.nodename) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let kept = text.filter { $0.utf8.allSatisfy { $0.isAlphanumeric || "_.-".utf8.contains($0) } }
        return kept.isEmpty ? "worker" : String(kept.prefix(WorkerName.lengthMax))
    }

    /// Throws `configuration-invalid` naming a CPU that this process may not use, or a core that two sets share.
    package static func check(_ places: [CPUSet?]) throws(AssayError) {
        let prefix = "Cpus_allowed_list:"
        guard let line = lines(of: "/proc/self/status").first(where: { $0.hasPrefix(prefix) }) else { return }
        let allowed = try CPUSet(parsing: line.dropFirst(prefix.count).drop { " \t".contains($0) })
        for place in places.compactMap(\.self) {
            for number in place.numbers where !allowed.numbers.contains(number) {
                throw AssayError(
                    .configurationInvalid, "CPU \(number) is not there, or not for this process",
                    remedy: "use CPUs of \(allowed)")
            }
        }
        try EvaluatorSettings.requireCoresOfTheirOwn(
            places, cores: Set(places.compactMap(\.self).flatMap(\.numbers).compactMap(core)))
    }

    /// The CPUs of the physical core that a CPU is of; nil where the kernel does not say.
    private static func core(of number: Int) -> CPUSet? {
        // A list in another form says nothing that could be refused.
        let line = lines(of: "/sys/devices/system/cpu/cpu\(number)/topology/thread_siblings_list").first
        return line.flatMap { try? CPUSet(parsing: $0) }
    }

    /// The lines of a file that the kernel makes; none if it cannot be read.
    private static func lines(of path: String) -> [Substring] {
        guard let file = fopen(path, "r") else { return [] }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count < 8 << 20, case let count = fread(&buffer, 1, buffer.count, file), count > 0 {
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    }
}
