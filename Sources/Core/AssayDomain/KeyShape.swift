/// Which keys a document may have, and where.
///
/// Decoders pass over keys that they do not know; here each is looked at in its place. A key is known by its bytes:
/// neither by another case or another Unicode form, nor by a path with dots that leads to a known one.
package indirect enum KeyShape: Sendable {
    /// A value without keys; what it may be is asked when it is decoded.
    case value
    case list(KeyShape)
    /// An object of these keys alone.
    case object(KeyValuePairs<String, KeyShape>)
    /// An object of any keys, each with a value of one shape.
    case map(KeyShape)
    /// A value without keys, or else an object of the shape.
    case valueOr(KeyShape)

    /// What is wrong with a document's keys or numbers.
    package struct Fault: Sendable, Hashable {
        package let message: String
        package let remedy: String?
    }

    /// The first fault in the order of the document; nil if there is none.
    package func fault(in value: JSONValue, at path: [String] = []) -> Fault? {
        if !path.isEmpty, case .object(let known) = self, let kind = Self.kind(ofKeyless: value) {
            return Fault(
                message: "\(Self.text(path)) has \(kind) where keys with values belong",
                remedy: known.first.map { "write \(path.last ?? ""): {\($0.key): …}" })
        }
        switch value {
        case .null:
            return Fault(
                message: path.isEmpty ? "it is null" : "\(Self.text(path)) has no value",
                remedy: "give it a value, or leave the key out")
        case .number(let text): return Self.fault(ofNumber: text, at: path)
        case .flag, .text: return nil
        case .list(let items):
            let inner = if case .list(let shape) = self { shape } else { KeyShape.value }
            return items.lazy.compactMap { inner.fault(in: $0, at: path) }.first
        case .object(let members): return fault(in: members, at: path)
        }
    }

    /// What a value is that has no keys; nil for an object, and for null.
    private static func kind(ofKeyless value: JSONValue) -> String? {
        switch value {
        case .null, .object: nil
        case .flag: "a truth value"
        case .number: "a number"
        case .text: "a text"
        case .list: "a list"
        }
    }

    private func fault(in members: [JSONValue.Member], at path: [String]) -> Fault? {
        var names: Set<String> = []
        for member in members {
            // Equal here means equal to readers that compare text by Unicode's rules, as ours do further on.
            guard names.insert(member.name).inserted else {
                return Fault(
                    message: "\(Self.text(path + [member.name])) is there twice, in two Unicode forms",
                    remedy: "leave one of them out")
            }
            switch self {
            // That an object stands where none may is found when it is decoded.
            case .value, .list: break
            case .object(let known):
                guard let shape = known.first(where: { member.isNamed($0.key) })?.value else {
                    return Self.unknown(member.name, at: path, known: known.map(\.key))
                }
                if let fault = shape.fault(in: member.value, at: path + [member.name]) { return fault }
            case .map(let shape):
                if let fault = shape.fault(in: member.value, at: path + [member.name]) { return fault }
            case .valueOr(let shape):
                if let fault = shape.fault(in: [member], at: path) { return fault }
            }
        }
        return nil
    }

    private static func unknown(_ name: String, at path: [String], known: [String]) -> Fault {
        let place = path.isEmpty ? "there is no key" : "\(text(path)) has no key"
        let remedy =
            if name.utf8.contains(UInt8(ascii: ".")) {
                "a dot in a key is no path: write \(nested(name))"
            } else if name.utf8.allSatisfy(\.isDecimalDigit), !name.isEmpty {
                "numbers have a point and no comma, such as 0.\(Printable.escape(name, limit: 20))"
            } else if let near = Suggestion.nearest(to: name, among: known) {
                "did you mean '\(near)'?"
            } else {
                "use one of \(known.sorted().joined(separator: ", "))"
            }
        return Fault(message: "\(place) \(Printable.quote(name, limit: 80))", remedy: remedy)
    }

    /// `a.b.c` as the objects that were meant.
    private static func nested(_ name: String) -> String {
        let parts = name.split(separator: ".", maxSplits: 8).map { Printable.escape($0, limit: 40) }
        let opening = parts.dropLast().map { "\($0): {" }.joined()
        return opening + (parts.last ?? "") + ": …" + String(repeating: "}", count: max(0, parts.count - 1))
    }

    /// A number must come out of every reader as one value: finite, and no zero that was none.
    private static func fault(ofNumber text: String, at path: [String]) -> Fault? {
        guard let value = Double(text), value.isFinite else {
            return Fault(message: "the number of \(Self.text(path)) is not finite", remedy: "use a smaller one")
        }
        let digits = text.utf8.prefix { $0 != UInt8(ascii: "e") && $0 != UInt8(ascii: "E") }
        let isZero = digits.allSatisfy { !(UInt8(ascii: "1")...UInt8(ascii: "9")).contains($0) }
        guard value != 0 || isZero else {
            return Fault(message: "the number of \(Self.text(path)) is too small to be told from 0", remedy: "use 0")
        }
        let isPlain = digits.count == text.utf8.count && !digits.contains(UInt8(ascii: "."))
        guard abs(value) < exactMax || isPlain else {
            return Fault(
                message: "the number of \(Self.text(path)) is too large to be exact",
                remedy: "write a whole number without point and exponent")
        }
        return nil
    }

    /// Below this every whole number is one of 64 bits of floating point, and no other becomes one by rounding.
    package static let exactMax = 9_007_199_254_740_992.0

    private static func text(_ path: [String]) -> String {
        Printable.escape(path.joined(separator: "."))
    }
}
