/// The number of a version: 1, 2, 3 … A number is given once and never moves.
package struct VersionNumber: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The largest number; fifteen digits hold a date and time written without separators.
    package static let valueMax: Int64 = 999_999_999_999_999

    package let value: Int64

    /// Wraps a positive number of at most fifteen digits; nil otherwise.
    package init?(_ value: Int64) {
        guard 1...Self.valueMax ~= value else { return nil }
        self.value = value
    }

    package var description: String { String(value) }
    package static func < (left: VersionNumber, right: VersionNumber) -> Bool { left.value < right.value }
}

/// The movable name of a version, such as `production`: an OCI tag that is not all digits.
package struct AliasName: Sendable, Hashable, CustomStringConvertible {
    package let text: String

    /// Parses an alias; throws `tag-invalid`, also for a text that is all digits.
    package init(parsing text: some StringProtocol) throws(AssayError) {
        guard case .alias(let alias) = try Tag(parsing: text) else {
            throw AssayError(
                .tagInvalid, "\(Printable.quote(text, limit: 140)) is not an alias",
                reason: "a name of digits only is a version number, and numbers never move")
        }
        self = alias
    }

    fileprivate init(unchecked text: String) { self.text = text }

    package var description: String { text }
}

/// What stands behind the colon of `NAME:TAG`: a version number or an alias.
///
/// Source: OCI distribution-spec 1.1.1, tag grammar `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
package enum Tag: Sendable, Hashable {
    case number(VersionNumber)
    case alias(AliasName)

    /// The most characters of a tag.
    package static let lengthMax = 128

    /// Parses a tag; throws `tag-invalid`.
    package init(parsing text: some StringProtocol) throws(AssayError) {
        guard let first = text.utf8.first, text.utf8.count <= Self.lengthMax,
            first.isAlphanumeric || first == UInt8(ascii: "_"),
            text.utf8.allSatisfy({ $0.isAlphanumeric || "_.-".utf8.contains($0) })
        else {
            throw AssayError(
                .tagInvalid, "\(Printable.quote(text, limit: 140)) is not a tag",
                reason:
                    "a tag has 1 to \(Self.lengthMax) letters, digits, '_', '.' or '-' and starts with none of '.-'")
        }
        guard text.utf8.allSatisfy(\.isDecimalDigit) else {
            self = .alias(AliasName(unchecked: String(text)))
            return
        }
        guard first != UInt8(ascii: "0"), let value = Int64(text), let number = VersionNumber(value) else {
            throw AssayError(
                .tagInvalid, "\(Printable.quote(text, limit: 140)) is not a version number",
                reason: "a tag of digits is a number from 1 to \(VersionNumber.valueMax) without leading zeros")
        }
        self = .number(number)
    }
}

extension Tag: CustomStringConvertible {
    package var description: String {
        switch self {
        case .number(let number): number.description
        case .alias(let alias): alias.text
        }
    }
}

extension VersionNumber: Codable {
    package init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer().decode(Int64.self)
        guard let number = VersionNumber(value) else {
            throw AssayError(.tagInvalid, "\(value) is not a version number")
        }
        self = number
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }
}

extension AliasName: Codable {
    package init(from decoder: any Decoder) throws {
        try self.init(parsing: decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}
