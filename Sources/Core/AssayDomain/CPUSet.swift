/// Logical CPUs of a machine, by the kernel's numbers.
package struct CPUSet: Sendable, Hashable, Codable, CustomStringConvertible {
    /// The largest number that the kernel's fixed-size mask holds (`CPU_SETSIZE` of sched.h, less one).
    package static let numberMax = 1_023

    /// In order, each once, at least one.
    package let numbers: [Int]

    /// Parses a list as the kernel writes it, such as `0-2,4`; throws `configuration-invalid`.
    package init(parsing text: some StringProtocol) throws(AssayError) {
        var found: Set<Int> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Self.number($0) }
            guard 1...2 ~= ends.count, let first = ends.first.flatMap(\.self), let last = ends.last.flatMap(\.self),
                first <= last
            else {
                throw AssayError(
                    .configurationInvalid, "\(Printable.quote(text, limit: 40)) is no list of CPUs",
                    remedy: "write it as 0-2,4 with numbers up to \(Self.numberMax)")
            }
            found.formUnion(first...last)
        }
        numbers = found.sorted()
    }

    private static func number(_ text: some StringProtocol) -> Int? {
        guard 1...4 ~= text.utf8.count, text.utf8.allSatisfy(\.isDecimalDigit) else { return nil }
        return Int(text).flatMap { $0 <= numberMax ? $0 : nil }
    }

    package init(from decoder: any Decoder) throws {
        try self.init(parsing: decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    /// The list as the kernel writes it: runs as `first-last`.
    package var description: String {
        var runs: [ClosedRange<Int>] = []
        for number in numbers {
            if let last = runs.last, last.upperBound + 1 == number {
                runs[runs.count - 1] = last.lowerBound...number
            } else {
                runs.append(number...number)
            }
        }
        return runs.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
            .joined(separator: ",")
    }
}

/// The evaluators of one process, and how long a worker elsewhere may be silent.
package struct EvaluatorSettings: Sendable, Hashable {
    /// The most evaluators of one process.
    package static let countMax = 256

    /// One evaluator per element, kept on its CPUs; nil leaves it on all there are.
    package var places: [CPUSet?] = [nil]
    /// What is said of this machine beside what it is by itself.
    package var labels: [WorkerLabel] = []
    package var lease = Duration.seconds(60)
    /// The longest lease that there is.
    package static let leaseMax = Duration.seconds(3_600)

    package init() {}

    /// One place for each set, or one on all CPUs if nothing is asked for. No CPU belongs to two evaluators, so several
    /// of them need a set each. Throws `configuration-invalid`.
    package static func places(count: Int?, sets: [CPUSet]) throws(AssayError) -> [CPUSet?] {
        let count = count ?? max(1, sets.count)
        guard 0...countMax ~= count else {
            throw AssayError(.configurationInvalid, "\(count) evaluators are asked for", remedy: "use 0 to \(countMax)")
        }
        if sets.isEmpty, count <= 1 { return Array(repeating: nil, count: count) }
        guard sets.count == count else {
            throw AssayError(
                .configurationInvalid, "\(count) evaluators have \(sets.count) sets of CPUs",
                reason: "evaluators that share CPUs disturb each other's latency",
                remedy: "name one set for each: --evaluators 2 --cpus 0 --cpus 1")
        }
        var owners: Set<Int> = []
        for set in sets {
            for number in set.numbers where !owners.insert(number).inserted {
                throw AssayError(
                    .configurationInvalid, "CPU \(number) is in two sets",
                    reason: "evaluators that share CPUs disturb each other's latency", remedy: "name each CPU once")
            }
        }
        return sets
    }

    /// Throws `configuration-invalid` if two sets have CPUs of one physical core. Each of `cores` are the CPUs of one.
    package static func requireCoresOfTheirOwn(_ places: [CPUSet?], cores: some Sequence<CPUSet>) throws(AssayError) {
        var owners: [Int: Int] = [:]
        for (position, place) in places.enumerated() {
            for number in place?.numbers ?? [] { owners[number] = position }
        }
        for core in cores {
            let used = core.numbers.filter { owners[$0] != nil }
            guard let first = used.first, let other = used.first(where: { owners[$0] != owners[first] }) else {
                continue
            }
            throw AssayError(
                .configurationInvalid, "CPUs \(first) and \(other) are one physical core, and in two sets",
                reason: "evaluators that share a core disturb each other's latency",
                remedy: "name the CPUs of a core, here \(core), in one set")
        }
    }
}
