/// One thing that is said of a worker, such as `site=edge`; a worker may have several of one key.
package struct WorkerLabel: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
    /// The most labels of a worker or a job.
    package static let countMax = 32
    /// The most characters of a key, and of a value.
    package static let lengthMax = 63

    package let key: String
    package let value: String

    /// Parses `KEY=VALUE`; throws `label-invalid`.
    package init(parsing text: some StringProtocol) throws(AssayError) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, Self.isWord(parts[0]), Self.isWord(parts[1]),
            parts[0].utf8.allSatisfy({ !$0.isAlphanumeric || $0.isLowerAlphanumeric })
        else {
            throw AssayError(
                .labelInvalid, "\(Printable.quote(text, limit: 80)) is no label",
                reason: "key and value have 1 to \(Self.lengthMax) letters, digits, '_', '.' or '-', keys no capitals",
                remedy: "write it as site=edge")
        }
        key = String(parts[0])
        value = String(parts[1])
    }

    /// Parses each of several; throws `label-invalid`.
    package static func list(parsing texts: [some StringProtocol]) throws(AssayError) -> [WorkerLabel] {
        var labels: [WorkerLabel] = []
        for text in texts { labels.append(try WorkerLabel(parsing: text)) }
        return labels
    }

    private init(key: String, value: String) {
        self.key = key
        self.value = value
    }

    private static func isWord(_ text: some StringProtocol) -> Bool {
        1...lengthMax ~= text.utf8.count && text.utf8.allSatisfy { $0.isAlphanumeric || "_.-".utf8.contains($0) }
    }

    package init(from decoder: any Decoder) throws {
        try self.init(parsing: decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    package var description: String { "\(key)=\(value)" }

    package static func < (left: WorkerLabel, right: WorkerLabel) -> Bool { left.description < right.description }

    /// Each label once, in order. Throws `too-many-entries`.
    package static func normalised(_ labels: [WorkerLabel]) throws(AssayError) -> [WorkerLabel] {
        guard labels.count <= countMax else {
            throw AssayError(
                .tooManyEntries, "\(labels.count) labels are given", remedy: "give at most \(countMax)")
        }
        return Set(labels).sorted()
    }

    /// What a machine is by itself: its architecture, and its instruction sets by the kernel's names for them;
    /// `avx512f`, without which there is none of the others, counts as `avx512` too.
    package static func ofMachine(architecture: String, flags: some Sequence<String>) -> [WorkerLabel] {
        let sets = Set(flags).intersection(instructionSets)
        let names = sets.contains("avx512f") ? sets.union(["avx512"]) : sets
        return ([Self(key: "arch", value: architecture)] + names.map { Self(key: "cpu", value: $0) })
            .filter { isWord($0.value) }.sorted()
    }

    private static let instructionSets: Set = [
        "sse4_2", "avx", "avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_int8",
        "amx_bf16", "asimd", "asimddp", "sve", "i8mm", "bf16",
    ]
}

/// What a worker calls itself.
package struct WorkerName: Sendable, Hashable, Codable, CustomStringConvertible {
    package static let lengthMax = 63

    package let text: String

    /// The evaluators of the server's own process.
    package static let local = WorkerName(unchecked: "local")

    /// Parses a name; throws `name-invalid`.
    package init(parsing text: some StringProtocol) throws(AssayError) {
        guard 1...Self.lengthMax ~= text.utf8.count,
            text.utf8.allSatisfy({ $0.isAlphanumeric || "_.-".utf8.contains($0) })
        else {
            throw AssayError(
                .nameInvalid, "\(Printable.quote(text, limit: 80)) is no name of a worker",
                reason: "it has 1 to \(Self.lengthMax) letters, digits, '_', '.' or '-'")
        }
        self.text = String(text)
    }

    private init(unchecked text: String) { self.text = text }

    package init(from decoder: any Decoder) throws {
        try self.init(parsing: decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }

    package var description: String { text }
}

/// Who runs a verification: the server's own process, or a program on another machine.
package struct Worker: Sendable, Hashable, Codable {
    package let name: WorkerName
    /// In order, each once.
    package let labels: [WorkerLabel]

    /// Throws `too-many-entries`.
    package init(name: WorkerName, labels: [WorkerLabel]) throws(AssayError) {
        self.name = name
        self.labels = try WorkerLabel.normalised(labels)
    }
}
