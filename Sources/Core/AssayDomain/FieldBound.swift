/// What a field of a statement's predicate must be: a value exactly, or a number within bounds.
package enum FieldBound: Sendable, Hashable {
    case flag(Bool)
    case number(Double)
    case text(String)
    /// At least one of the two is set.
    case range(min: Double?, max: Double?)

    /// The longest text that a field is compared with, in bytes, and the longest path.
    package static let textBytesMax = 1_000
    /// The most fields that one demand bounds.
    package static let countMax = 32

    /// Whether a value is what is demanded: of the same type, text by its bytes.
    package func accepts(_ value: JSONValue) -> Bool {
        switch (self, value) {
        case (.flag(let wanted), .flag(let given)): wanted == given
        case (.text(let wanted), .text(let given)): wanted.utf8.elementsEqual(given.utf8)
        case (.number(let wanted), .number): value.number == wanted
        case (.range(let min, let max), .number):
            value.number.map { $0 >= min ?? -.infinity && $0 <= max ?? .infinity } ?? false
        default: false
        }
    }

    /// Throws `policy-invalid` for a bound that nothing or everything would meet.
    func check(_ name: String) throws(AssayError) {
        let numbers =
            switch self {
            case .flag, .text: [Double]()
            case .number(let number): [number]
            case .range(let min, let max): [min, max].compactMap(\.self)
            }
        if case .range(let min, let max) = self {
            guard !numbers.isEmpty else { throw AssayError(.policyInvalid, "\(name) needs a value, min or max") }
            guard min ?? -.infinity <= max ?? .infinity else {
                throw AssayError(.policyInvalid, "\(name) has a min above its max")
            }
        }
        if case .text(let text) = self, text.utf8.count > Self.textBytesMax {
            throw AssayError(.policyInvalid, "\(name) has over \(Self.textBytesMax) bytes")
        }
        guard numbers.allSatisfy({ abs($0) < KeyShape.exactMax }) else {
            throw AssayError(.policyInvalid, "\(name) is too large to be exact")
        }
    }

    /// As the table of a promotion shows it, after the field's path.
    var text: String {
        switch self {
        case .flag(let flag): " = \(flag)"
        case .number(let number): " = \(JSONTree.text(of: number))"
        case .text(let text): " = \(Printable.quote(text, limit: 80))"
        case .range(let min, let max):
            [
                min.map { " ≥ \(JSONTree.text(of: $0))" }, max.map { " ≤ \(JSONTree.text(of: $0))" },
            ].compactMap(\.self).joined(separator: " and")
        }
    }
}

extension FieldBound: Codable {
    private struct Range: Codable {
        let min: Double?
        let max: Double?
    }

    package init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        // Each is the one that decodes: JSON's types exclude each other.
        if let flag = try? value.decode(Bool.self) {
            self = .flag(flag)
        } else if let number = try? value.decode(Double.self) {
            self = .number(number)
        } else if let text = try? value.decode(String.self) {
            self = .text(text)
        } else {
            let range = try value.decode(Range.self)
            self = .range(min: range.min, max: range.max)
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .flag(let flag): try container.encode(flag)
        case .number(let number): try container.encode(number)
        case .text(let text): try container.encode(text)
        case .range(let min, let max): try container.encode(Range(min: min, max: max))
        }
    }
}
