/// A public key or a certificate authority in the trust root, and what it may sign.
package struct TrustedKey: Sendable, Hashable, Codable {
    package enum Role: String, Sendable, Hashable, Codable, CaseIterable {
        /// Signs the files of versions.
        case release
        /// Signs statements about how a version came about.
        case training
        /// Signs verification reports and verdicts: a registry itself.
        case registry
        /// Signs figures that were measured elsewhere. What else it says counts only where a policy names it.
        case evaluation
        /// Signs the checkpoints of an audit log.
        case log
    }

    /// Lower-case hex SHA-256 of the PEM text: the hint of OpenSSF Model Signing v1.0.
    package let id: String
    package let name: String
    /// SubjectPublicKeyInfo, or the certificate of an authority, as PEM.
    package let pem: String
    package let role: Role
    /// The repositories for which it may speak; nil means all.
    package var repositories: [RepositoryPattern]?
    /// From when on it counts; nil if it always did.
    package var validFrom: Timestamp?
    /// Until when it counts; nil if there is no end.
    package var validUntil: Timestamp?
    package let addedAt: Timestamp
    /// Since when nothing that it signed counts, whenever it was signed; nil if it was not revoked.
    package var revokedAt: Timestamp?

    package init(
        id: String, name: String, pem: String, role: Role, repositories: [RepositoryPattern]? = nil,
        validFrom: Timestamp? = nil, validUntil: Timestamp? = nil, addedAt: Timestamp, revokedAt: Timestamp? = nil
    ) {
        self.id = id
        self.name = name
        self.pem = pem
        self.role = role
        self.repositories = repositories
        self.validFrom = validFrom
        self.validUntil = validUntil
        self.addedAt = addedAt
        self.revokedAt = revokedAt
    }

    /// The same key within the times of another entry of it, and revoked if that is.
    fileprivate func limited(by other: TrustedKey) -> TrustedKey {
        var key = self
        key.validFrom = [validFrom, other.validFrom].compactMap(\.self).max()
        key.validUntil = [validUntil, other.validUntil].compactMap(\.self).min()
        key.revokedAt = [revokedAt, other.revokedAt].compactMap(\.self).min()
        return key
    }

    /// Whether it may speak for a repository.
    package func covers(_ repository: RepositoryName) -> Bool {
        repositories.map { patterns in patterns.contains { $0.matches(repository) } } ?? true
    }

    /// Whether it counts at a time. A revoked key never does, not even for what it signed before.
    package func isValid(at time: Timestamp) -> Bool {
        revokedAt == nil && (validFrom.map { $0 <= time } ?? true) && (validUntil.map { time <= $0 } ?? true)
    }
}

extension TrustedKey {
    /// What a signature by a key that was revoked is told as.
    package static let revokedText = "the signature is by a key that was revoked"

    /// Why a signature by this key does not count at a time: `untrusted-key` for a key that was revoked, `expired` for
    /// one that ended or did not count yet; nil if the key counts then.
    package func refusal(at time: Timestamp) -> AssayError? {
        let remedy = "have it signed by a key that counts"
        if let revokedAt {
            return AssayError(
                .untrustedKey, Self.revokedText, reason: "key \(id.prefix(12)) was revoked as of \(revokedAt)",
                remedy: remedy)
        }
        guard !isValid(at: time) else { return nil }
        let limits = [validFrom.map { "from \($0)" }, validUntil.map { "until \($0)" }].compactMap(\.self)
        return AssayError(
            .expired, "the signature is by a key that did not count at the time",
            reason: "key \(id.prefix(12)) counts \(limits.joined(separator: " ")), and the time is \(time)",
            remedy: remedy)
    }
}

/// Repositories by name: `team/fraud` is one, `team/*` all beneath, `*` all there are.
package struct RepositoryPattern: Sendable, Hashable, CustomStringConvertible {
    package let description: String
    /// What the names begin with; nil if it is exactly one name.
    private let prefix: String?

    /// Throws `name-invalid`.
    package init(parsing text: some StringProtocol) throws(AssayError) {
        description = String(text)
        if text == "*" {
            prefix = ""
        } else if text.hasSuffix("/*") {
            prefix = try RepositoryName(parsing: text.dropLast(2)).text + "/"
        } else {
            _ = try RepositoryName(parsing: text)
            prefix = nil
        }
    }

    package func matches(_ repository: RepositoryName) -> Bool {
        prefix.map { repository.text.hasPrefix($0) } ?? (repository.text == description)
    }
}

extension RepositoryPattern: Codable {
    package init(from decoder: any Decoder) throws {
        try self.init(parsing: decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// Whose signatures count, and for what.
///
/// As a file it is JSON; format: docs/formats/trust-root.md. Everything that it does not name is not trusted.
package struct TrustRoot: Sendable, Hashable, Codable {
    package static let formatVersion = 1
    package static let keysMax = 1_000
    package static let bytesMax = 4 << 20

    package let format: Int
    package let keys: [TrustedKey]

    package init(keys: [TrustedKey]) {
        format = Self.formatVersion
        self.keys = keys
    }

    /// Reads a file, and refuses what it does not understand: a limit that is passed over would be none.
    ///
    /// Throws `key-invalid`, also for a member that the format does not have and a key that stands twice,
    /// `format-version-unsupported`, `body-too-large`, `too-many-entries`.
    package static func parse(_ json: [UInt8]) throws(AssayError) -> TrustRoot {
        guard json.count <= bytesMax else {
            throw AssayError(.bodyTooLarge, "the trust root has over \(bytesMax) bytes")
        }
        let (root, shape): (TrustRoot, Shape)
        do {
            root = try JSON.decode(TrustRoot.self, from: json)
            shape = try JSON.decodeVerbatim(Shape.self, from: json)
        } catch {
            let known = error as? AssayError
            throw malformed(known?.reason ?? known?.message, cause: error)
        }
        guard root.format == formatVersion else {
            throw AssayError(.formatVersionUnsupported, "the trust root has format \(root.format)")
        }
        guard root.keys.count <= keysMax else {
            throw AssayError(.tooManyEntries, "the trust root has over \(keysMax) keys")
        }
        if let name = shape.unknownMember { throw malformed("it has the unknown member \(Printable.quote(name))") }
        var ids: Set<String> = []
        for key in root.keys {
            guard ids.insert(key.id).inserted else {
                throw malformed("the key \(Printable.quote(key.id, limit: 64)) stands in it twice")
            }
            guard key.repositories?.isEmpty != true else {
                throw malformed("the key \(Printable.quote(key.name)) may speak for no repository")
            }
        }
        return root
    }

    private static func malformed(_ reason: String?, cause: (any Error)? = nil) -> AssayError {
        AssayError(.keyInvalid, "the trust root cannot be read", reason: reason, cause: cause)
    }

    /// One root out of several: what any of them says against a key counts wherever the key stands.
    ///
    /// So a root of before a revocation, beside one of after it, does not bring the key back.
    package init(merging roots: [TrustRoot]) {
        var strictest: [String: TrustedKey] = [:]
        let keys = roots.flatMap(\.keys)
        for key in keys { strictest[key.id] = strictest[key.id].map(key.limited) ?? key }
        self.init(keys: keys.map { key in strictest[key.id].map(key.limited) ?? key })
    }

    /// The members of a file by name, as they are written.
    private struct Shape: Decodable {
        /// The first member that the format does not have.
        let unknownMember: String?

        private struct Name: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }

            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        private static let members: Set = ["format", "keys"]
        private static let keyMembers: Set = [
            "id", "name", "pem", "role", "repositories", "valid_from", "valid_until", "added_at", "revoked_at",
        ]

        init(from decoder: any Decoder) throws {
            let root = try decoder.container(keyedBy: Name.self)
            var names = Self.unknown(in: root, known: Self.members)
            var keys = try root.nestedUnkeyedContainer(forKey: Name(stringValue: "keys"))
            while !keys.isAtEnd {
                names += Self.unknown(in: try keys.nestedContainer(keyedBy: Name.self), known: Self.keyMembers)
            }
            unknownMember = names.first
        }

        private static func unknown(in container: KeyedDecodingContainer<Name>, known: Set<String>) -> [String] {
            container.allKeys.map(\.stringValue).filter { !known.contains($0) }.sorted()
        }
    }

    /// Keys that were revoked, of any role that signs models or statements: no certificate makes up for it.
    package var revoked: [TrustedKey] { keys.filter { $0.revokedAt != nil && $0.role != .log } }

    /// The keys of a role, for a repository, that ended before a time or count only later. None of them counts then.
    package func outOfTime(
        _ role: TrustedKey.Role, for repository: RepositoryName?, at time: Timestamp
    ) -> [TrustedKey] {
        keys.filter { key in
            key.role == role && key.revokedAt == nil && (repository.map(key.covers) ?? true) && !key.isValid(at: time)
        }
    }

    /// The keys that count in a role, for a repository, at a time.
    package func keys(_ role: TrustedKey.Role, for repository: RepositoryName?, at time: Timestamp) -> [TrustedKey] {
        keys.filter { key in key.role == role && (repository.map(key.covers) ?? true) && key.isValid(at: time) }
    }
}
