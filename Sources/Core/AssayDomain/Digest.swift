/// The name of immutable bytes by their content, written `algorithm:hex`.
///
/// Source: OCI image-spec 1.1.1, descriptor.md, "Digests". Only lower-case hex of the exact length is a digest.
package struct Digest: Sendable, Hashable {
    package enum Algorithm: String, Sendable, CaseIterable {
        case sha256
        case sha512

        /// The length of a digest in bytes.
        package var byteCount: Int { self == .sha256 ? 32 : 64 }
    }

    package let algorithm: Algorithm
    /// Lower-case hexadecimal, twice as long as the digest has bytes.
    package let hex: String

    /// Wraps the raw bytes that a hash function gave.
    package init(algorithm: Algorithm, bytes: some Collection<UInt8>) {
        precondition(bytes.count == algorithm.byteCount, "a digest has the length of its algorithm")
        self.algorithm = algorithm
        self.hex = Hex.encode(bytes)
    }

    /// Parses `sha256:<64 hex>` or `sha512:<128 hex>`; throws `digest-invalid` or `digest-unsupported`.
    package init(parsing text: some StringProtocol) throws(AssayError) {
        // Not generic from here on, as that is many times faster.
        try self.init(String(text))
    }

    private init(_ text: String) throws(AssayError) {
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else {
            throw Self.invalid(text, "it has no algorithm before a colon")
        }
        let name = String(text[..<colon])
        guard let algorithm = Algorithm(rawValue: name) else {
            let isWellFormed = !name.isEmpty && name.utf8.allSatisfy { $0.isLowerAlphanumeric }
            throw AssayError(
                isWellFormed ? .digestUnsupported : .digestInvalid,
                "digest algorithm \(Printable.quote(name, limit: 20)) is not supported", remedy: "use sha256 or sha512")
        }
        let hex = text[text.utf8.index(after: colon)...]
        guard hex.utf8.count == 2 * algorithm.byteCount, hex.utf8.allSatisfy({ $0.isLowerHexDigit }) else {
            throw Self.invalid(text, "\(name) takes \(2 * algorithm.byteCount) lower-case hex digits")
        }
        self.algorithm = algorithm
        self.hex = String(hex)
    }

    /// The digest's raw bytes.
    package var bytes: [UInt8] { Hex.decode(hex) ?? [] }

    /// The first twelve hex digits: enough for a person, never an identity.
    package var short: String { String(hex.prefix(12)) }

    private static func invalid(_ text: some StringProtocol, _ reason: String) -> AssayError {
        AssayError(.digestInvalid, "\(Printable.quote(text, limit: 80)) is not a digest", reason: reason)
    }
}

extension Digest: CustomStringConvertible {
    package var description: String { "\(algorithm.rawValue):\(hex)" }
}

extension Digest: Codable {
    package init(from decoder: any Decoder) throws {
        try self.init(parsing: decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
