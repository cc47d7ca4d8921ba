/// The name of a repository, such as `team/fraud`: lower-case components joined by slashes.
///
/// Source: OCI distribution-spec 1.1.1, "Pulling manifests". The name is an identity in the index and never a path.
package struct RepositoryName: Sendable, Hashable {
    /// The most characters of a name; OCI clients add a host of their own to it.
    package static let lengthMax = 200

    package let text: String

    /// Parses a name; throws `name-invalid`.
    package init(parsing text: some StringProtocol) throws(AssayError) {
        guard !text.isEmpty else { throw Self.invalid(text, "it is empty") }
        guard text.utf8.count <= Self.lengthMax else { throw Self.invalid(text, "it has over \(Self.lengthMax) bytes") }
        for component in text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            guard Self.isComponent(component) else {
                throw Self.invalid(
                    text, "each part is lower-case letters and digits, joined by '.', '_', '__' or dashes")
            }
        }
        self.text = String(text)
    }

    /// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
    private static func isComponent(_ component: some Collection<UInt8>) -> Bool {
        var separator: [UInt8] = []
        var hasAlphanumeric = false
        for byte in component {
            if byte.isLowerAlphanumeric {
                guard separator.isEmpty || isSeparator(separator) else { return false }
                separator = []
                hasAlphanumeric = true
            } else {
                guard hasAlphanumeric else { return false }
                separator.append(byte)
            }
        }
        return hasAlphanumeric && separator.isEmpty
    }

    private static func isSeparator(_ bytes: [UInt8]) -> Bool {
        switch bytes {
        case [UInt8(ascii: ".")], [UInt8(ascii: "_")], [UInt8(ascii: "_"), UInt8(ascii: "_")]: true
        default: bytes.allSatisfy { $0 == UInt8(ascii: "-") }
        }
    }

    private static func invalid(_ text: some StringProtocol, _ reason: String) -> AssayError {
        AssayError(
            .nameInvalid, "\(Printable.quote(text, limit: 80)) is not a repository name", reason: reason,
            remedy: "use a name such as \(proposal(for: text) ?? "team/fraud")")
    }

    /// The nearest name to one of another registry, such as `my-model` to `My Model`; nil if there is none.
    static func proposal(for text: some StringProtocol) -> String? {
        guard text.utf8.count <= lengthMax else { return nil }
        let components = text.utf8.split(separator: UInt8(ascii: "/")).map { component -> String in
            let words = component.split { byte in
                !(byte.isLowerAlphanumeric || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte))
            }
            return words.map { String(decoding: $0, as: UTF8.self).lowercased() }.joined(separator: "-")
        }.filter { !$0.isEmpty }
        // Letters of other scripts are not guessed at.
        guard !components.isEmpty, text.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
        return components.joined(separator: "/")
    }
}

extension RepositoryName: CustomStringConvertible {
    package var description: String { text }
}

extension RepositoryName: Codable {
    package init(from decoder: any Decoder) throws {
        try self.init(parsing: decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}
