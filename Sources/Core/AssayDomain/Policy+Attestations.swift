extension Policy.AttestationDemand {
    /// The types whose words Assay understands: each says by itself whether it is evidence.
    private static let judged: Set<String> = [
        PredicateType.testResult, PredicateType.verdict, PredicateType.verificationReport, PredicateType.provenance,
        PredicateType.bill,
    ]

    /// What is demanded in another way and never as a statement, with the way.
    private static let elsewhere = [
        PredicateType.modelSignature: "every policy demands a signature; name its keys in signature.keys",
        PredicateType.figures: "bound its figures in measured, as measured: {mmlu: {min: 0.6}}",
        PredicateType.waiver: "name in waivers who may waive",
        PredicateType.waiverWithoutPolicy: "name in waivers who may waive",
    ]

    private var resolved: String { PredicateType.resolve(type) }

    /// Throws `policy-invalid` for a demand that would be met by a statement whatever it says, or by none.
    func check() throws(AssayError) {
        let quoted = Printable.quote(type, limit: 80)
        if let remedy = Self.elsewhere[resolved] {
            throw AssayError(.policyInvalid, "the attestation \(quoted) is none that can be demanded", remedy: remedy)
        }
        guard resolved.utf8.contains(where: { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "/") }) else {
            let names = PredicateType.shortNames.filter { Self.judged.contains($0.value) }.keys.sorted()
            let near = Suggestion.nearest(to: type, among: names)
            throw AssayError(
                .policyInvalid, "there is no attestation \(quoted)",
                remedy: near.map { "did you mean '\($0)'?" }
                    ?? "use one of \(names.joined(separator: ", ")), or the URI of a predicate type")
        }
        if let name {
            guard 1...40 ~= name.utf8.count,
                name.utf8.allSatisfy({ $0.isLowerAlphanumeric || $0 == UInt8(ascii: "-") })
            else {
                throw AssayError(
                    .policyInvalid, "the attestation \(quoted) has the name \(Printable.quote(name, limit: 60))",
                    remedy: "use up to 40 lower-case letters, digits and dashes")
            }
        }
        try checkWords(quoted)
        try checkFields(quoted)
    }

    private func checkWords(_ quoted: String) throws(AssayError) {
        guard present != false, present == nil || `where` == nil else {
            throw AssayError(
                .policyInvalid, "the attestation \(quoted) has a 'present' that says nothing",
                remedy: "write present: true and no where, or where alone")
        }
        let isJudged = Self.judged.contains(resolved)
        guard !isJudged || present == nil else {
            throw AssayError(
                .policyInvalid, "the attestation \(quoted) cannot be demanded as merely present",
                reason: "it counts for what it says: one that says no is no evidence", remedy: "leave present out")
        }
        guard isJudged || present == true || `where` != nil else {
            throw AssayError(
                .policyInvalid, "the attestation \(quoted) is demanded whatever it says",
                reason: "Assay does not know this type, so a statement that says no would count as one that says yes",
                remedy: "bound its fields, as where: {approved: true}, or write present: true if being there is enough")
        }
    }

    private func checkFields(_ quoted: String) throws(AssayError) {
        guard let fields = `where` else { return }
        guard 1...FieldBound.countMax ~= fields.count else {
            throw AssayError(
                .policyInvalid, "the attestation \(quoted) bounds \(fields.count) fields",
                remedy: "bound 1 to \(FieldBound.countMax)")
        }
        for (path, bound) in fields.sorted(by: { $0.key < $1.key }) {
            let names = path.split(separator: ".", omittingEmptySubsequences: false)
            guard path.utf8.count <= FieldBound.textBytesMax, names.allSatisfy({ !$0.isEmpty }) else {
                throw AssayError(
                    .policyInvalid, "the attestation \(quoted) bounds the field \(Printable.quote(path, limit: 80))",
                    remedy: "write the names that lead to it with dots between them, as metrics.accuracy")
            }
            try bound.check("the field \(Printable.quote(path, limit: 80)) of the attestation \(quoted)")
        }
    }

    // MARK: Deciding

    /// Why a statement of the type is not what is demanded; nil if it is.
    fileprivate func fault(of heard: Policy.Heard) -> String? {
        if Self.judged.contains(resolved) {
            guard [.passed, .measured, .stated].contains(heard.word.result) else {
                return "it says \(heard.word.result.rawValue)"
            }
        } else if present != true, `where` == nil || Self.elsewhere[resolved] != nil {
            return "the policy does not say what it must say"
        }
        guard let fields = `where` else { return nil }
        guard let predicate = try? JSONValue(parsing: heard.statement.predicate) else { return "it cannot be read" }
        for (path, bound) in fields.sorted(by: { $0.key < $1.key }) {
            guard let value = value(at: path.split(separator: "."), of: predicate) else {
                return "it has no \(Printable.escape(path, limit: 80))"
            }
            guard bound.accepts(value) else { return "its \(Printable.escape(path, limit: 80)) is not as demanded" }
        }
        return nil
    }

    /// A field by the names that lead to it; those of a verdict have two names.
    private func value(at path: [Substring], of predicate: JSONValue) -> JSONValue? {
        guard resolved == PredicateType.verdict, let first = path.first else { return predicate.value(at: path) }
        return VerdictField.names(of: String(first)).lazy
            .compactMap { predicate.value(at: [Substring($0)] + path.dropFirst()) }.first
    }

    fileprivate var demanded: String {
        let by =
            keys.map { "by one of \($0.count) named keys" } ?? role.map { "by a trusted \($0.rawValue) key" }
            ?? "by a trusted key"
        let fields = (`where` ?? [:]).sorted { $0.key < $1.key }.map {
            Printable.escape($0.key, limit: 80) + $0.value.text
        }
        return ([by] + fields).joined(separator: ", ")
    }

    /// A key for figures says other things only where it is asked for.
    fileprivate func isBy(_ statement: Evidence.Statement) -> Bool {
        (statement.role != .evaluation || role != nil || keys != nil) && (role.map { $0 == statement.role } ?? true)
            && (keys.map { $0.contains(statement.signer) } ?? true)
    }
}

extension Policy {
    /// One line per demand. Of each signer the newest statement of a type counts, of those about one thing: what it
    /// said before is no evidence any more.
    func attestationOutcomes(_ evidence: Evidence) -> [RequirementOutcome] {
        (attestations ?? []).enumerated().map { position, demand in
            let type = PredicateType.resolve(demand.type)
            let found = Self.newest(of: type, evidence)
            let counted = found.filter { demand.isBy($0.statement) }
            let good = counted.first { demand.fault(of: $0) == nil }
            let measured =
                good.map { "\($0.word.result.rawValue), key \($0.statement.signer.prefix(12))" }
                ?? counted.last.map { "\(demand.fault(of: $0) ?? ""), key \($0.statement.signer.prefix(12))" }
                ?? (found.isEmpty ? "none by a trusted key" : "signed, but by none of the demanded keys")
            return RequirementOutcome(
                requirement: attestationRequirement(at: position), demanded: demand.demanded, measured: measured,
                status: good != nil ? .passed : found.isEmpty ? .missing : .failed)
        }
    }

    /// Who measured the version, by a report with figures that no later one on the same data took back.
    func measurer(_ evidence: Evidence) -> String? {
        Self.newest(of: PredicateType.verificationReport, evidence).first { $0.word.result == .measured }?
            .statement.signer
    }

    /// A statement with what it says.
    fileprivate struct Heard {
        let position: Int
        let statement: Evidence.Statement
        let word: StatementWord
    }

    /// The newest statement of a type by each signer about each thing, in order.
    private static func newest(of type: String, _ evidence: Evidence) -> [Heard] {
        struct Speaker: Hashable {
            let signer: String
            let topic: String?
        }
        var newest: [Speaker: Heard] = [:]
        for (position, statement) in evidence.statements.enumerated() where statement.predicateType == type {
            guard !PredicateType.ofRegistry.contains(type) || statement.role == .registry else { continue }
            let word = statement.word()
            // The decision that is to be made is no evidence for itself, nor is one made elsewhere.
            if type == PredicateType.verdict {
                guard let alias = word.alias, alias != evidence.alias, evidence.alias != nil,
                    let repository = word.repository, repository == evidence.repository
                else { continue }
            }
            newest[Speaker(signer: statement.signer, topic: word.topic)] = Heard(
                position: position, statement: statement, word: word)
        }
        return newest.values.sorted { $0.position < $1.position }
    }
}
