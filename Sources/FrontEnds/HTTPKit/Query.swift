package import AssayDomain
import Foundation

/// The parameters of a URI's query. A plus sign is itself, as in RFC 3986: media types have them.
///
/// What a route does not read is passed over, whatever its value and however often it comes.
package struct Query: Sendable {
    /// The most parameters of one request.
    private static let parametersMax = 64

    private let values: [String: [String]]

    /// Throws `request-invalid` for too many parameters or a broken encoding.
    package init(parsing text: String?) throws(AssayError) {
        var values: [String: [String]] = [:]
        let pairs = (text ?? "").split(separator: "&")
        guard pairs.count <= Self.parametersMax else {
            throw AssayError(.requestInvalid, "the query has over \(Self.parametersMax) parameters")
        }
        for pair in pairs {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let key = try Self.decode(parts[0])
            values[key, default: []].append(parts.count > 1 ? try Self.decode(parts[1]) : "")
        }
        self.values = values
    }

    /// The value of a parameter; nil if it is absent. Throws `request-invalid` for one with two values.
    package subscript(_ name: String) -> String? {
        get throws(AssayError) {
            guard let all = values[name] else { return nil }
            guard Set(all).count == 1 else {
                throw AssayError(
                    .requestInvalid, "the parameter '\(name)' has two values", remedy: "send it once")
            }
            return all.first
        }
    }

    /// A number that must be from a range. Throws `request-invalid`.
    package func integer(_ name: String, in range: ClosedRange<Int64>) throws(AssayError) -> Int64? {
        guard let text = try self[name] else { return nil }
        guard text.utf8.allSatisfy(\.isDecimalDigit), let value = Int64(text), range.contains(value) else {
            throw AssayError(
                .requestInvalid, "\(name) is \(Printable.quote(text, limit: 20))",
                remedy: "use \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    /// Whether a parameter says `true`; false if it is absent. Throws `request-invalid` for another word.
    package func flag(_ name: String) throws(AssayError) -> Bool {
        switch try self[name] {
        case nil, "false": return false
        case "true": return true
        case let text?:
            throw AssayError(
                .requestInvalid, "\(name) is \(Printable.quote(text, limit: 20))", remedy: "use true or false")
        }
    }

    /// A parameter that must be there. Throws `request-invalid`.
    package func required(_ name: String) throws(AssayError) -> String {
        guard let value = try self[name], !value.isEmpty else {
            throw AssayError(.requestInvalid, "the parameter '\(name)' is missing")
        }
        return value
    }

    private static func decode(_ text: Substring) throws(AssayError) -> String {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return String(text) }
        guard let decoded = text.removingPercentEncoding else {
            throw AssayError(.requestInvalid, "the query is not percent-encoded UTF-8")
        }
        return decoded
    }
}
