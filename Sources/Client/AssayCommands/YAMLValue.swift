import AssayDomain

/// A YAML document as JSON says it, for files that every reader must understand alike.
///
/// Of words without quotes `true`, `false`, `null` and the numbers of JSON are values, and whatever no version of YAML
/// takes for something else is text. The rest is refused: two readers would understand it in two ways.
enum YAMLValue: Encodable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case list([YAMLValue])
    case map([String: YAMLValue])

    /// Throws as `YAMLNode.parse`. `keys` are those of a format that stand for themselves although some version of YAML
    /// takes them for something else.
    static func parse(
        _ bytes: [UInt8], name: String, code: ErrorCode, keys: Set<String> = []
    ) throws -> YAMLValue {
        try YAMLNode.parse(bytes, name: name, code: code) { try YAMLValue($0, keys) }
    }

    /// Throws `YAMLNode.Fault` for a word or a key that means one thing to some and another to others.
    private init(_ node: YAMLNode, _ keys: Set<String>) throws {
        switch node.content {
        case .text(let text): self = .string(text)
        case .word(let word): self = try Self.value(of: word, line: node.line)
        case .list(let items): self = .list(try items.map { try YAMLValue($0, keys) })
        case .map(let entries):
            self = .map(
                try Dictionary(
                    uniqueKeysWithValues: entries.map {
                        (try Self.name(of: $0.key, keys), try YAMLValue($0.value, keys))
                    }))
        }
    }

    private static func name(of key: YAMLNode, _ keys: Set<String>) throws -> String {
        switch key.content {
        case .word(let word) where keys.contains(word): return word
        case .word(let word):
            switch PlainScalar(word) {
            case .text: return word
            case let plain where plain.isNumber:
                // `{min: 0,9}` is the key `min` with 0 and the key `9` with nothing.
                throw YAMLNode.Fault(
                    "a number stands where a key is expected: numbers have a point and no comma, and a key that is a "
                        + "number is put in quotes", line: key.line)
            default:
                throw YAMLNode.Fault(
                    "the key \(Printable.quote(word)) is no text to some: quote it", line: key.line)
            }
        case .text(let text): return text
        case .list, .map: throw YAMLNode.Fault("a key is no plain word", line: key.line)
        }
    }

    private static func value(of word: String, line: Int) throws -> YAMLValue {
        switch PlainScalar(word) {
        case .null: return .null
        case .flag(let flag): return .bool(flag)
        case .text(let text): return .string(text)
        case .number(let text):
            if let whole = Int(text) { return .integer(whole) }
            guard let number = Double(text), number.isFinite, !text.utf8.allSatisfy(\.isDecimalDigit) else {
                throw YAMLNode.Fault("a number is too large", line: line)
            }
            let digits = text.utf8.prefix { $0 != UInt8(ascii: "e") && $0 != UInt8(ascii: "E") }
            let isZero = digits.allSatisfy { !(UInt8(ascii: "1")...UInt8(ascii: "9")).contains($0) }
            guard number != 0 || isZero else {
                throw YAMLNode.Fault("a number is too small to be told from 0", line: line)
            }
            return .number(number)
        case .ambiguous(let text):
            throw YAMLNode.Fault(
                "\(Printable.quote(text, limit: 80)) means one thing to some readers of YAML and another to others: "
                    + "put it in quotes if it is text, or write the number or truth value as JSON does", line: line)
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .list(let values): try container.encode(values)
        case .map(let values): try container.encode(values)
        }
    }
}
