/// What names one version within a repository.
package enum VersionSelector: Sendable, Hashable {
    case tag(Tag)
    case digest(Digest)

    /// Parses a tag or a digest, as it stands in an OCI manifest route; a digest is known by its colon.
    package init(parsing text: some StringProtocol) throws(AssayError) {
        self = text.utf8.contains(UInt8(ascii: ":")) ? .digest(try Digest(parsing: text)) : .tag(try Tag(parsing: text))
    }
}

extension VersionSelector: CustomStringConvertible {
    package var description: String {
        switch self {
        case .tag(let tag): tag.description
        case .digest(let digest): digest.description
        }
    }
}

/// A version as people write it: `NAME:3`, `NAME:production` or `NAME@sha256:…`.
package struct Reference: Sendable, Hashable {
    package let repository: RepositoryName
    package let selector: VersionSelector

    package init(_ repository: RepositoryName, _ selector: VersionSelector) {
        self.repository = repository
        self.selector = selector
    }

    package init(_ repository: RepositoryName, _ number: VersionNumber) {
        self.init(repository, .tag(.number(number)))
    }

    package init(_ repository: RepositoryName, _ alias: AliasName) {
        self.init(repository, .tag(.alias(alias)))
    }

    /// Parses a reference; throws `reference-invalid`, `name-invalid`, `tag-invalid`, `digest-invalid`.
    package init(parsing text: some StringProtocol) throws(AssayError) {
        if let at = text.utf8.firstIndex(of: UInt8(ascii: "@")) {
            repository = try RepositoryName(parsing: text[..<at])
            selector = .digest(try Digest(parsing: text[text.utf8.index(after: at)...]))
        } else if let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) {
            repository = try RepositoryName(parsing: text[..<colon])
            selector = .tag(try Tag(parsing: text[text.utf8.index(after: colon)...]))
        } else {
            throw AssayError(
                .referenceInvalid, "\(Printable.quote(text, limit: 80)) names no version",
                remedy: "write NAME:3, NAME:production or NAME@sha256:…")
        }
    }
}

extension Reference: CustomStringConvertible {
    package var description: String {
        switch selector {
        case .tag(let tag): "\(repository):\(tag)"
        case .digest(let digest): "\(repository)@\(digest)"
        }
    }
}

extension Reference: Codable {
    package init(from decoder: any Decoder) throws {
        try self.init(parsing: decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
