/// A registry's signed word that a version must not be used any more, or may be used again.
///
/// The predicate of a statement whose subject is the version. It names the repository too: what is withdrawn in one
/// stays in every other. Format: docs/formats/attestations.md.
package struct Withdrawal: Sendable, Hashable, Codable {
    package enum Action: String, Sendable, Codable {
        case withdraw
        case reinstate
    }

    package let repository: RepositoryName
    /// Of the version's manifest.
    package let version: Digest
    package let action: Action
    package let reason: String
    /// By the log's time. Of several the latest holds.
    package let at: Timestamp

    package init(repository: RepositoryName, version: Digest, action: Action, reason: String, at: Timestamp) {
        self.repository = repository
        self.version = version
        self.action = action
        self.reason = reason
        self.at = at
    }

    private static let shape = KeyShape.object([
        "repository": .value, "version": .value, "action": .value, "reason": .value, "at": .value,
    ])

    /// Reads a predicate, which has exactly the keys of a withdrawal. Throws `json-invalid`, and as `check`.
    package static func parse(_ predicate: [UInt8]) throws -> Withdrawal {
        if let fault = shape.fault(in: try JSONValue(parsing: predicate)) {
            throw AssayError(.jsonInvalid, "the withdrawal cannot be read", reason: fault.message, remedy: fault.remedy)
        }
        let withdrawal = try JSON.decode(Withdrawal.self, from: predicate)
        try check(reason: withdrawal.reason)
        return withdrawal
    }

    /// Throws `request-invalid` for a reason that says nothing, or too much.
    package static func check(reason: String) throws(AssayError) { try Reason.check(reason, of: "a withdrawal") }

    /// A predicate of this type, as a registry key that counts signed it.
    package struct Word: Sendable {
        package let predicate: [UInt8]
        /// The id of the key.
        package let signer: String

        package init(predicate: [UInt8], signer: String) {
            self.predicate = predicate
            self.signer = signer
        }
    }

    /// What keeps a version of a repository from being used; nil if nothing does, or the latest word lets it be used
    /// again. Of two at one time the one that withdraws holds; what cannot be read does neither. Without a repository
    /// the words of every one count.
    package static func inForce(
        among words: [Word], of version: Digest, in repository: RepositoryName?
    ) -> Version.Withdrawn? {
        let all = words.compactMap { word -> (said: Withdrawal, signer: String)? in
            guard let said = try? parse(word.predicate), said.version == version,
                repository.map({ $0 == said.repository }) ?? true
            else { return nil }
            return (said, word.signer)
        }
        let last = all.max { first, second in
            (first.said.at, first.said.action.weight) < (second.said.at, second.said.action.weight)
        }
        guard let last, last.said.action == .withdraw else { return nil }
        return Version.Withdrawn(
            at: last.said.at, actor: "registry key \(last.signer.prefix(12))", reason: last.said.reason)
    }
}

extension Withdrawal.Action {
    /// Which of two words at one time holds.
    fileprivate var weight: Int { self == .withdraw ? 1 : 0 }
}

extension RequirementOutcome {
    /// What stands in the way of a version that is withdrawn, whatever else is asked for.
    package init(of withdrawn: Version.Withdrawn) {
        self.init(requirement: "withdrawal", demanded: "none", measured: withdrawn.text, status: .failed)
    }
}

extension Version {
    /// That a version must not be used any more: since when, by whom, and why.
    package struct Withdrawn: Sendable, Hashable, Codable {
        package let at: Timestamp
        /// As the log names who asked for it.
        package let actor: String
        package let reason: String

        package init(at: Timestamp, actor: String, reason: String) {
            self.at = at
            self.actor = actor
            self.reason = reason
        }

        /// In one line, for people; the reason is somebody's text.
        package var text: String {
            "withdrawn \(at) by \(Printable.escape(actor, limit: 100)): "
                + Printable.escape(reason, limit: Reason.bytesMax)
        }
    }
}
