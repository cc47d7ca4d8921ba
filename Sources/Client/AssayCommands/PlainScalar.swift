import AssayDomain

/// What a word without quotes stands for in a YAML file that every reader must understand alike.
///
/// Sources: YAML 1.2.2, section 10.3 (core schema); the types of YAML 1.1 (yaml.org/type): bool, int, float, null,
/// timestamp.
enum PlainScalar: Hashable {
    case null
    case flag(Bool)
    /// A number as JSON writes it (RFC 8259, section 6).
    case number(String)
    /// No version of YAML takes it for anything but text.
    case text(String)
    /// A number, a truth value or a date to some readers.
    case ambiguous(String)

    init(_ text: String) {
        switch text {
        case "", "~", "null", "Null", "NULL": self = .null
        case "true": self = .flag(true)
        case "false": self = .flag(false)
        default:
            if Self.isJSONNumber(text) {
                self = .number(text)
            } else {
                self = Self.isAmbiguous(text) ? .ambiguous(text) : .text(text)
            }
        }
    }

    /// Whether it is a number, or one to somebody.
    var isNumber: Bool {
        switch self {
        case .number: true
        case .ambiguous(let text): text.utf8.contains(where: \.isDecimalDigit)
        case .null, .flag, .text: false
        }
    }

    private static func isJSONNumber(_ text: String) -> Bool {
        text.utf8.first.map { $0.isDecimalDigit || $0 == UInt8(ascii: "-") } ?? false
            && (try? StrictJSON.check(Array(text.utf8))) != nil
    }

    private static let words: Set<String> = [
        "y", "n", "yes", "no", "on", "off", "true", "false", "=", ".inf", "-.inf", "+.inf", ".nan",
    ]

    /// Whether it looks like a number, a truth value or a time in any notation: with a sign, a base, groups of digits,
    /// parts of sixty, a comma, or without a digit on one side of the point.
    private static func isAmbiguous(_ text: String) -> Bool {
        let lower = text.lowercased()
        if words.contains(lower) { return true }
        var rest = Substring(lower)
        if let sign = rest.first, sign == "+" || sign == "-" { rest = rest.dropFirst() }
        guard let first = rest.utf8.first,
            first.isDecimalDigit || first == UInt8(ascii: ".") || first == UInt8(ascii: ",")
        else { return false }
        for (prefix, digits) in [("0x", "0123456789abcdef_"), ("0o", "01234567_"), ("0b", "01_")]
        where rest.hasPrefix(prefix) {
            return rest.dropFirst(2).allSatisfy(digits.contains)
        }
        return rest.utf8.contains(where: \.isDecimalDigit) && (isNumeral(rest) || isTime(rest))
    }

    /// Digits with points, commas, underscores, colons and an exponent between them.
    private static func isNumeral(_ text: Substring) -> Bool {
        let parts = text.split(separator: "e", maxSplits: 1, omittingEmptySubsequences: false)
        let isMantissa = parts[0].allSatisfy { "0123456789.,_:".contains($0) }
        let isExponent = parts.count == 1 || parts[1].allSatisfy { "0123456789+-_".contains($0) }
        return isMantissa && isExponent
    }

    /// `2026-01-02`, alone or with a time behind it.
    private static func isTime(_ text: Substring) -> Bool {
        let date = text.prefix { "0123456789-".contains($0) }.split(separator: "-", omittingEmptySubsequences: false)
        guard date.map(\.count).first == 4, date.count == 3, date.allSatisfy({ !$0.isEmpty }) else { return false }
        return text.allSatisfy { "0123456789-+:.tz ".contains($0) }
    }
}
