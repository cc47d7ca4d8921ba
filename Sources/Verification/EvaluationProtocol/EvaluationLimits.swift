/// What the evaluator process may use; it sets these limits on itself before it loads anything.
package struct EvaluationLimits: Equatable, Sendable {
    package static let cpuSecondsRange = 1...86_400
    package static let memoryBytesRange = (256 << 20)...(1 << 44)
    package static let fileBytesRange = 0...(1 << 30)
    package static let openFilesRange = 16...4_096
    package static let processesRange = 16...(1 << 22)
    /// The numbers of CPUs that the kernel's mask of fixed size holds.
    package static let cpuNumberRange = 0...1_023

    /// CPU time over all threads; the kernel ends the process with SIGXCPU when it is used up.
    package var cpuSeconds: Int
    /// Address space, libraries and thread stacks included.
    package var memoryBytes: Int
    /// Size to which an open file may be written. Zero is enough: the evaluator writes none.
    package var fileBytes: Int
    package var openFiles: Int
    /// Processes and threads that the user may have, those outside of the evaluator included; root is not held to it.
    package var processes: Int
    /// Numbers of the CPUs that the process is kept on; nil for all there are.
    package var cpuSet: [Int]?

    package init(
        cpuSeconds: Int = 120, memoryBytes: Int = 4 << 30, fileBytes: Int = 0, openFiles: Int = 64,
        processes: Int = 8_192, cpuSet: [Int]? = nil
    ) {
        self.cpuSeconds = cpuSeconds
        self.memoryBytes = memoryBytes
        self.fileBytes = fileBytes
        self.openFiles = openFiles
        self.processes = processes
        self.cpuSet = cpuSet
    }
}

extension EvaluationLimits: Codable {
    private enum CodingKeys: String, CodingKey {
        case cpuSeconds = "cpu_seconds"
        case memoryBytes = "memory_bytes"
        case fileBytes = "file_bytes"
        case openFiles = "open_files"
        case processes
        case cpuSet = "cpu_set"
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init()
        cpuSeconds = try values.decodeIfPresent(Int.self, forKey: .cpuSeconds) ?? cpuSeconds
        memoryBytes = try values.decodeIfPresent(Int.self, forKey: .memoryBytes) ?? memoryBytes
        fileBytes = try values.decodeIfPresent(Int.self, forKey: .fileBytes) ?? fileBytes
        openFiles = try values.decodeIfPresent(Int.self, forKey: .openFiles) ?? openFiles
        processes = try values.decodeIfPresent(Int.self, forKey: .processes) ?? processes
        cpuSet = try values.decodeIfPresent([Int].self, forKey: .cpuSet)
    }
}
