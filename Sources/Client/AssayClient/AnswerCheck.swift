import APIProtocol
import AssayCrypto
package import AssayDomain

/// Compares what a server answers with what it was asked for.
///
/// Nothing that a server says of itself is proven by that, but what is of something else is never taken for what was
/// asked for. Every route of `AssayClient` that names something compares its answer here, so no command can leave it
/// out. All of these throw `answer-mismatch`.
package enum AnswerCheck {
    /// Throws unless the answer is of what was asked for; both are told.
    package static func demand(
        _ isSame: Bool, asked: @autoclosure () -> String, answered: @autoclosure () -> String
    ) throws(AssayError) {
        guard !isSame else { return }
        throw AssayError(
            .answerMismatch, "the server answered with something else than was asked for",
            reason: "it was asked for \(Printable.escape(asked())), and answered with \(Printable.escape(answered()))",
            remedy: "ask the server's operator; nothing of the answer was used")
    }

    static func demand(_ answered: RepositoryName, is asked: RepositoryName) throws(AssayError) {
        try demand(answered == asked, asked: "\(asked)", answered: "\(answered)")
    }

    /// Whether every item of a list is of a repository.
    static func demand<Item>(
        _ list: [Item], areOf repository: RepositoryName, _ name: (Item) -> RepositoryName
    ) throws(AssayError) {
        for item in list { try demand(name(item), is: repository) }
    }

    /// A move of exactly this alias, to a version or, where there is none, away.
    static func demand(
        _ move: AliasMove, isOf alias: Reference, to version: VersionNumber?, from: Int64? = nil
    ) throws(AssayError) {
        try alias.check(answerOf: move.repository, move.name)
        let isRemoval = move.cause == .removal
        try demand(
            move.to == version && isRemoval == (version == nil) && (from.map { $0 == move.from?.value ?? 0 } ?? true),
            asked: version.map { "a move to \($0)" } ?? "a removal",
            answered: move.to.map { "a move to \($0)" } ?? "a removal")
    }
}

extension Reference {
    /// Throws unless a version is one that this names.
    package func check(answer version: Version) throws(AssayError) {
        try check(
            answerOf: version.repository, version.number, version.manifestDigest, aliases: version.aliases)
    }

    /// Throws unless what was measured may be what this names; where an alias pointed is not told here.
    package func check(answer subject: VerificationReport.Subject) throws(AssayError) {
        try check(answerOf: subject.repository, subject.number, subject.digest, aliases: nil)
    }

    private func check(
        answerOf name: RepositoryName, _ number: VersionNumber, _ digest: Digest, aliases: [AliasName]?
    ) throws(AssayError) {
        let isNamed =
            switch selector {
            case .tag(.number(let asked)): asked == number
            case .tag(.alias(let asked)): aliases?.contains(asked) ?? true
            case .digest(let asked): asked == digest
            }
        try AnswerCheck.demand(
            name == repository && isNamed, asked: description, answered: "\(name):\(number), \(digest)")
    }

    /// Throws unless an alias is the one that this names.
    package func check(answerOf name: RepositoryName, _ alias: AliasName) throws(AssayError) {
        try AnswerCheck.demand(
            name == repository && selector == .tag(.alias(alias)), asked: description, answered: "\(name):\(alias)")
    }
}

extension Verification {
    /// Throws unless it is of what a request asked for.
    func check(answers request: VerifyRequest) throws(AssayError) {
        try request.reference.check(answer: subject)
        try request.dataset.check(answer: dataset)
        try AnswerCheck.demand(
            (baseline == nil) == (request.baseline == nil), asked: request.baseline?.description ?? "no baseline",
            answered: baseline.map { "\($0.repository):\($0.number)" } ?? "no baseline")
        if let asked = request.baseline, let baseline { try asked.check(answer: baseline) }
        try AnswerCheck.demand(
            (settings.teacher == nil) == (request.teacher == nil),
            asked: request.teacher?.description ?? "no teacher",
            answered: settings.teacher.map { "\($0.repository):\($0.number)" } ?? "no teacher")
        if let asked = request.teacher, let teacher = settings.teacher { try asked.check(answer: teacher) }
    }

    /// Throws unless it is this verification and still of the same things.
    package func check(continues earlier: Verification) throws(AssayError) {
        try AnswerCheck.demand(id == earlier.id, asked: "\(earlier.id)", answered: "\(id)")
        try AnswerCheck.demand(
            subject == earlier.subject && dataset == earlier.dataset && baseline == earlier.baseline,
            asked: "verification \(id) of \(earlier.subject.text) on \(earlier.dataset.text)",
            answered: "\(subject.text) on \(dataset.text)")
    }

    /// Throws unless a report is this verification's.
    func check(answer report: VerificationReport) throws(AssayError) {
        try AnswerCheck.demand(
            report.verification == id, asked: "the report of \(id)", answered: "that of \(report.verification)")
        try AnswerCheck.demand(
            report.subject == subject && report.dataset == dataset
                && (report.baseline == nil || report.baseline == baseline),
            asked: "a report of \(subject.text) on \(dataset.text)",
            answered: "\(report.subject.text) on \(report.dataset.text)")
    }
}

extension VerificationReport.Subject {
    /// `team/fraud:3 (4af1…)`
    fileprivate var text: String { "\(repository):\(number) (\(digest.short))" }
}

extension PolicyResponse {
    /// Throws unless it is the policy of an alias, and named by its own digest.
    func check(answers alias: Reference) throws {
        try alias.check(answerOf: repository, self.alias)
        let named = Digest.sha256(of: try JSON.encode(policy))
        try AnswerCheck.demand(named == digest, asked: "policy \(digest)", answered: "policy \(named)")
    }
}

extension PromotionResponse {
    /// Throws unless it decides on a version, by its number, and an alias.
    func check(decidesOn version: Reference, for asked: AliasName) throws(AssayError) {
        try AnswerCheck.demand(
            alias == asked && version.selector == .tag(.number(self.version)),
            asked: "\(version) as \(asked)", answered: "version \(self.version) as \(alias)")
    }

    /// Throws unless it decides on a version, if one was named, and an alias.
    func check(decidesOn number: VersionNumber?, for asked: AliasName) throws(AssayError) {
        try AnswerCheck.demand(
            alias == asked && number.map { $0 == version } ?? true,
            asked: "\(number.map { "version \($0)" } ?? "a version") as \(asked)",
            answered: "version \(version) as \(alias)")
    }
}

extension LineageResponse {
    /// Throws unless it is the graph around a version, named by its number.
    func check(answers version: Reference, _ asked: LineageGraph.Direction) throws(AssayError) {
        try AnswerCheck.demand(
            root == version.description && direction == asked.rawValue, asked: "\(asked.rawValue) of \(version)",
            answered: "\(direction) of \(root)")
    }
}
