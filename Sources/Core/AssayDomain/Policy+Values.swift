extension Policy {
    /// A value of a policy that is given as something else than its key takes, told in the words of the format; nil
    /// where there is none, or decoding has to find it.
    static func valueFault(in given: JSONValue) -> AssayError? {
        for name in ["memory", "size"] {
            guard let value = given[name]?["max_bytes"], value.written != nil else { continue }
            if case .number = value { continue }
            return fault("\(name).max_bytes", value, remedy: "write a whole number of bytes, as 104857600")
        }
        if let value = given["tries"]?["max"], value.written != nil {
            guard case .number = value else { return fault("tries.max", value, remedy: "write a whole number") }
        }
        if case .list(let items) = given["lineage"] ?? .null {
            if let fault = wordFault("lineage", items, known: LineageRelation.allCases.map(\.rawValue)) { return fault }
        }
        if let relation = given["teacher"]?["lineage"],
            let fault = wordFault("teacher.lineage", [relation], known: teacherRelations.map(\.rawValue))
        {
            return fault
        }
        let roles = [TrustedKey.Role.release, .training, .registry, .evaluation].map(\.rawValue)
        // That a log's key can sign none of it is told where it is checked.
        let known = roles + [TrustedKey.Role.log.rawValue]
        for demand in given["attestations"]?.items ?? [] {
            guard let role = demand["role"], let fault = wordFault("attestations.role", [role], known: known) else {
                continue
            }
            return fault
        }
        for demand in given["measured"]?.members ?? [] {
            let path = "measured.\(Printable.escape(demand.name, limit: 80))"
            if let role = demand.value["role"], let fault = wordFault("\(path).role", [role], known: known) {
                return fault
            }
            guard let age = demand.value["max_age"], age.written != nil else { continue }
            if case .text(let text) = age, Age(parsing: text) != nil { continue }
            return fault("\(path).max_age", age, remedy: "write a whole number of \(Age.unitsText), as 30d")
        }
        return given["waivers"]?["role"].flatMap { wordFault("waivers.role", [$0], known: known) }
    }

    /// The first of some values that is none of the known words.
    private static func wordFault(_ path: String, _ values: [JSONValue], known: [String]) -> AssayError? {
        for value in values where value.written != nil {
            if case .text(let word) = value, known.contains(where: { $0.utf8.elementsEqual(word.utf8) }) { continue }
            var remedy = "use \(known.filter { $0 != TrustedKey.Role.log.rawValue }.joined(separator: ", "))"
            if case .text(let word) = value, let near = Suggestion.nearest(to: word, among: known) {
                remedy = "did you mean '\(near)'? \(remedy)"
            }
            return fault(path, value, remedy: remedy)
        }
        return nil
    }

    private static func fault(_ path: String, _ value: JSONValue, remedy: String) -> AssayError {
        AssayError(
            .policyInvalid, "the policy cannot be read",
            reason: "'\(path)' has \(value.written ?? "no value"), which it cannot be", remedy: remedy)
    }

    /// Throws `policy-invalid` for a deadline outside of its range, also where nothing is measured that it would end.
    package func checkDeadline() throws(AssayError) {
        guard let deadlineSeconds else { return }
        var settings = VerificationSettings()
        settings.deadlineSeconds = deadlineSeconds
        do {
            try settings.check()
        } catch {
            throw AssayError(.policyInvalid, error.message, reason: error.reason, remedy: error.remedy)
        }
    }
}

extension JSONValue {
    /// A value as people are told of it; nil for null, which is told elsewhere.
    fileprivate var written: String? {
        switch self {
        case .null: nil
        case .flag(let flag): "\(flag)"
        case .number(let digits): Printable.escape(digits, limit: 40)
        case .text(let text): Printable.quote(text, limit: 80)
        case .list: "a list"
        case .object: "keys with values"
        }
    }

    fileprivate var items: [JSONValue] { if case .list(let items) = self { items } else { [] } }
}
