extension Policy {
    /// Decodes and checks a policy from JSON that somebody gives; throws `policy-invalid` naming what is wrong.
    ///
    /// What its demands must besides be is for `checkDemands` to say.
    package static func parse(_ json: [UInt8]) throws -> Policy { try parse(json, isStored: false) }

    /// Decodes a policy from JSON that is stored: one that could not be set any more can still be read.
    package static func parse(stored json: [UInt8]) throws -> Policy { try parse(json, isStored: true) }

    private static func parse(_ json: [UInt8], isStored: Bool) throws -> Policy {
        guard json.count <= bytesMax else {
            throw AssayError(.bodyTooLarge, "the policy has over \(bytesMax) bytes")
        }
        do {
            let given = try JSONValue(parsing: json)
            if !isStored, let fault = shape.fault(in: given) {
                throw AssayError(
                    .policyInvalid, "the policy has unknown keys or values", reason: fault.message,
                    remedy: fault.remedy ?? "see docs/formats/policy.md for the keys there are")
            }
            if !isStored, let fault = valueFault(in: given) { throw fault }
            let policy = try JSON.decode(Policy.self, from: json)
            try checkNothingIsLost(of: given, in: try JSONValue(parsing: JSON.encode(policy)))
            try policy.check()
            return policy
        } catch let error as AssayError where error.code != .policyInvalid && error.code != .formatVersionUnsupported {
            throw AssayError(
                .policyInvalid, "the policy cannot be read", reason: error.reason ?? error.message,
                remedy: error.remedy ?? "see docs/formats/policy.md for what each key takes", cause: error)
        }
    }

    private func check() throws(AssayError) {
        guard version == Self.formatVersion else {
            throw AssayError(
                .formatVersionUnsupported, "the policy has format version \(version)",
                remedy: "this build reads version \(Self.formatVersion)")
        }
        try checkParts()
        try checkData()
        for (name, bound) in metrics ?? [:] { try Self.check(bound, of: name) }
        try checkLatency()
        for (name, bound) in [("memory", memory), ("size", size)] {
            guard (bound?.maxBytes ?? 0) >= 0 else { throw AssayError(.policyInvalid, "\(name).max_bytes is negative") }
        }
        try checkSigners()
        try checkRollback()
        try checkFigures()
        try checkFormats()
        try checkTeacher()
        if let tries, !(needsMeasurement && tries.max >= 1) {
            throw AssayError(
                .policyInvalid, "tries.max is \(tries.max), or nothing is measured",
                remedy: "bound it from 1 on, beside a bound of metrics, latency or memory")
        }
        if let profile, profile.isEmpty || profile.utf8.count > 100 {
            throw AssayError(.policyInvalid, "profile is empty or has over 100 bytes")
        }
        do {
            try verificationSettings?.check()
        } catch {
            throw AssayError(.policyInvalid, error.message, reason: error.reason, remedy: error.remedy)
        }
    }

    /// Each further dataset has a name that fits into a requirement's, and a demand that could stand alone.
    private func checkParts() throws(AssayError) {
        for (name, part) in parts {
            guard !name.isEmpty, name.utf8.count <= 40,
                name.utf8.allSatisfy({ $0.isLowerAlphanumeric || $0 == UInt8(ascii: "-") })
            else {
                throw AssayError(
                    .policyInvalid, "datasets has the name \(Printable.quote(name, limit: 60))",
                    remedy: "use lower-case letters, digits and dashes")
            }
            guard !(part.metrics ?? [:]).isEmpty else {
                throw AssayError(.policyInvalid, "datasets.\(name) demands nothing", remedy: "bound one of its metrics")
            }
            do {
                try part.check()
            } catch {
                throw AssayError(
                    error.code, "datasets.\(name): \(error.message)", reason: error.reason, remedy: error.remedy)
            }
        }
    }

    private func checkData() throws(AssayError) {
        if needsMeasurement, dataset == nil {
            throw AssayError(
                .policyInvalid, "the policy measures without a dataset",
                remedy: "name the held-out data as dataset: NAME:1")
        }
        if let labels {
            guard 1...WorkerLabel.countMax ~= labels.count else {
                throw AssayError(
                    .policyInvalid, "the policy names \(labels.count) labels of workers",
                    remedy: "name 1 to \(WorkerLabel.countMax), or leave the key out")
            }
            guard needsMeasurement else {
                throw AssayError(
                    .policyInvalid, "the policy names labels of workers and measures nothing",
                    reason: "they say where measurements are taken",
                    remedy: "name them beside a bound of metrics, latency or memory")
            }
        }
        if inputs != nil, !needsMeasurement {
            throw AssayError(
                .policyInvalid, "the policy names inputs and measures nothing",
                remedy: "name them beside a bound of metrics, latency or memory")
        }
        try checkAnswers()
        if let dataset, case .tag(.alias) = dataset.selector {
            throw AssayError(
                .policyInvalid, "the policy's dataset \(dataset) can move",
                reason: "whoever moved it would change the policy",
                remedy: "name it by number or digest")
        }
    }

    private func checkLatency() throws(AssayError) {
        for (name, bound) in latency?.bounds ?? [] {
            let values = [bound.maxMilliseconds, bound.maxRatio].compactMap(\.self)
            guard !values.isEmpty, values.allSatisfy({ $0.isFinite && $0 > 0 }) else {
                throw AssayError(.policyInvalid, "latency.\(name) needs max_milliseconds or max_ratio above 0")
            }
        }
        for (name, bound) in latency?.times ?? [] where !(bound.maxMilliseconds.isFinite && bound.maxMilliseconds > 0) {
            throw AssayError(.policyInvalid, "latency.\(name) needs max_milliseconds above 0")
        }
        if let throughput = latency?.throughput?.min, !(throughput.isFinite && throughput > 0) {
            throw AssayError(.policyInvalid, "latency.throughput needs a min above 0")
        }
        if latency?.p99 != nil, let runs = latency?.runs, runs < VerificationSettings.runsForP99 {
            throw AssayError(
                .policyInvalid, "latency.p99 is bounded with \(runs) runs",
                reason: "the 99th percentile of so few is hardly more than their maximum",
                remedy: "bound tail or p95, or ask for \(VerificationSettings.runsForP99) runs")
        }
    }

    /// Somebody can sign what is demanded.
    private func checkSigners() throws(AssayError) {
        if let keys = signature?.keys, keys.isEmpty {
            throw AssayError(.policyInvalid, "signature.keys is empty, so nothing could ever satisfy it")
        }
        for demand in attestations ?? [] {
            guard !demand.type.isEmpty, demand.type.utf8.count <= 1_000 else {
                throw AssayError(.policyInvalid, "an attestation is demanded without a type, or with one too long")
            }
            let isOfLog = demand.role == .log
            guard !isOfLog, demand.keys.map({ !$0.isEmpty }) ?? true else {
                throw AssayError(
                    .policyInvalid,
                    "the attestation \(Printable.quote(demand.type)) is demanded of nobody who could sign it",
                    reason: isOfLog ? "a log's key signs no statements" : "its list of keys is empty",
                    remedy: isOfLog
                        ? "use the role release, training, registry or evaluation"
                        : "name keys by their ids, or leave keys out")
            }
        }
        if let waivers {
            guard waivers.role != .log, waivers.role != .evaluation else {
                throw AssayError(
                    .policyInvalid, "waivers lets nobody waive who could",
                    reason: "a log's key signs no waivers, and a key for figures answers for these alone",
                    remedy: "use the role release, training or registry")
            }
            guard !(waivers.keys ?? []).isEmpty || (waivers.keys == nil && waivers.role != nil) else {
                throw AssayError(
                    .policyInvalid, "waivers does not say who may waive", remedy: "name a role, or keys by their ids")
            }
        }
    }

    /// Throws `policy-invalid` unless all keys are named by their whole ids: a short one could be another key's too.
    package func checkKeyIDs() throws(AssayError) {
        let keys =
            (signature?.keys ?? []) + (waivers?.keys ?? []) + (attestations ?? []).flatMap { $0.keys ?? [] }
            + (measured ?? [:]).values.flatMap { $0.keys ?? [] }
        for key in keys where key.utf8.count != Self.keyIDLength || !key.utf8.allSatisfy(\.isLowerHexDigit) {
            throw AssayError(
                .policyInvalid, "\(Printable.quote(key, limit: 80)) is no id of a key",
                remedy: "use all \(Self.keyIDLength) digits, as assay key list --json prints them")
        }
    }

    /// Hexadecimal digits of a key's id.
    private static let keyIDLength = 64

    private static func check(_ bound: MetricBound, of name: String) throws(AssayError) {
        let name = Printable.escape(name)
        let values = [bound.min, bound.max, bound.maxDrop].compactMap(\.self)
        let slices = bound.perSlice ?? [:]
        guard !values.isEmpty || !slices.isEmpty else {
            throw AssayError(.policyInvalid, "metrics.\(name) needs min, max, max_drop or per_slice")
        }
        guard values.allSatisfy(\.isFinite), (bound.maxDrop ?? 0) >= 0 else {
            throw AssayError(.policyInvalid, "metrics.\(name) has a bound that is negative or no finite number")
        }
        if let confidence = bound.confidence {
            guard bound.maxDrop != nil else {
                throw AssayError(.policyInvalid, "metrics.\(name) has a confidence and no max_drop that it is for")
            }
            let range = VerificationSettings.confidenceRange
            guard range.contains(confidence) else {
                throw AssayError(
                    .policyInvalid, "metrics.\(name).confidence is \(confidence)",
                    remedy: "use \(range.lowerBound) to \(range.upperBound)")
            }
        }
        for (group, slice) in slices {
            let values = [slice.min, slice.max].compactMap(\.self)
            guard !values.isEmpty, values.allSatisfy(\.isFinite), slice.minSamples ?? 1 >= 1 else {
                throw AssayError(
                    .policyInvalid,
                    "metrics.\(name).per_slice.\(Printable.escape(group)) needs a finite min or max, and min_samples "
                        + "from 1 on")
            }
        }
    }

    /// Refuses what decoding passed over: a demand must never silently demand nothing.
    private static func checkNothingIsLost(of given: JSONValue, in kept: JSONValue) throws(AssayError) {
        switch (given, kept) {
        case (.object(let members), .object(let others)):
            guard members.count == others.count else { throw lost(nil) }
            let known = Dictionary(others.map { (Array($0.name.utf8), $0.value) }) { $1 }
            for member in members {
                guard let other = known[Array(member.name.utf8)] else { throw lost(member.name) }
                try checkNothingIsLost(of: member.value, in: other)
            }
        case (.list(let items), .list(let others)):
            guard items.count == others.count else { throw lost(nil) }
            for (item, other) in zip(items, others) { try checkNothingIsLost(of: item, in: other) }
        default: return
        }
    }

    private static func lost(_ key: String?) -> AssayError {
        AssayError(
            .policyInvalid, "the policy has something that is not understood",
            reason: key.map { "the key \(Printable.quote($0, limit: 80))" },
            remedy: "see docs/formats/policy.md for the keys there are")
    }
}
