import EvaluationProtocol
import Glibc

extension EvaluationResult.Machine {
    /// The extensions that are reported, by the kernel's names for them.
    private static let relevantFlags: Set<String> = [
        "sse4_2", "avx", "avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512bw", "avx512vl", "avx512_vnni",
        "avx512_bf16", "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16", "asimd", "asimddp", "asimdhp", "sve", "i8mm",
        "bf16",
    ]

    /// The machine that this process runs on.
    static var current: EvaluationResult.Machine {
        Self(
            cpuInformation: SystemFiles.kernelText("/proc/cpuinfo"), cores: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        )
    }

    /// The machine of a text in the form of `/proc/cpuinfo`; the first processor speaks for all.
    init(cpuInformation: String, cores: Int) {
        var fields: [Substring: Substring] = [:]
        for line in cpuInformation.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let key = parts[0].prefix { $0 != "\t" }
            if fields[key] == nil { fields[key] = parts[1].drop { $0 == " " } }
        }
        let flags = fields["flags"] ?? fields["Features"] ?? ""
        self.init(
            cpuModel: MessageText.plain(String(fields["model name"] ?? "unknown"), limit: MessageText.nameLengthMax),
            isaFlags: flags.split(separator: " ").map(String.init).filter(Self.relevantFlags.contains).sorted(),
            cores: cores)
    }
}

/// The memory of this process.
enum ProcessMemory {
    /// The kernel's word on this process; open for as long as the process lives.
    private static let status = Glibc.open("/proc/self/status", O_RDONLY | O_CLOEXEC)

    /// Opens what the figure is read from, because the cage has no room for it.
    static func open() { _ = status }

    /// Has the kernel take this process before any other when the machine's memory runs out: what needs much of it is
    /// the model, and the server is to go on. Where the kernel does not let it, it stays as it was.
    static func offerToOutOfMemoryKiller() {
        let descriptor = Glibc.open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let score = Array("1000".utf8)
        _ = write(descriptor, score, score.count)  // A process that could not raise its score is measured all the same.
    }

    /// The largest resident size so far; 0 if the kernel does not say.
    static var peakBytes: Int {
        // The kernel writes the text anew for a reader at its start.
        guard lseek(status, 0, SEEK_SET) == 0, let text = SystemFiles.readToEnd(status, limit: 1 << 20)
        else { return 0 }
        return peakBytes(status: String(decoding: text, as: UTF8.self))
    }

    /// The figure of a text in the form of `/proc/self/status`, where it stands in KiB.
    static func peakBytes(status: String) -> Int {
        for line in status.split(separator: "\n") where line.hasPrefix("VmHWM:") {
            let kibibytes = line.split(whereSeparator: { " \t".contains($0) }).dropFirst().first.flatMap { Int($0) }
            return (kibibytes ?? 0).multipliedReportingOverflow(by: 1_024).partialValue
        }
        return 0
    }
}
