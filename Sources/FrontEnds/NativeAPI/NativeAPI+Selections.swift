import APIProtocol
import AssayDomain
import AssayRegistry
import HTTPKit
import Hummingbird

extension NativeAPI {
    @Sendable func select(_ call: Call) async throws -> Response {
        var dataset: Version?
        if let text = try call.query["dataset"] {
            dataset = try await registry.catalog.version(try Reference(parsing: text))
        }
        let criteria = try Self.criteria(in: call)
        let outcome = try await registry.select(try call.repository("repository"), on: dataset, criteria)
        return try .message(
            SelectionResponse(
                selected: outcome.best, dataset: outcome.dataset, by: criteria.order.description,
                candidates: outcome.candidates, isTruncated: outcome.isTruncated))
    }

    private static func criteria(in call: Call) throws -> SelectionCriteria {
        var criteria = SelectionCriteria()
        criteria.min = try bounds("min", in: call)
        criteria.max = try bounds("max", in: call)
        criteria.maxP50Milliseconds = try number("max_p50_milliseconds", in: call)
        criteria.maxP99Milliseconds = try number("max_p99_milliseconds", in: call)
        criteria.maxBytes = try call.query.integer("max_bytes", in: 0...Int64.max)
        if let threads = try call.query.integer("threads", in: 1...Int64(Int32.max)) { criteria.threads = Int(threads) }
        if let batch = try call.query.integer("batch", in: 1...Int64(Int32.max)) { criteria.batch = Int(batch) }
        criteria.labels = try WorkerLabel.list(parsing: (call.query["labels"] ?? "").split(separator: ","))
        if let text = try call.query["by"] { criteria.order = SelectionCriteria.Order(text) }
        return criteria
    }

    /// `NAME=VALUE,NAME=VALUE`
    private static func bounds(_ parameter: String, in call: Call) throws -> [String: Double] {
        var bounds: [String: Double] = [:]
        let text = try call.query[parameter] ?? ""
        for pair in text.isEmpty ? [] : text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let equals = pair.lastIndex(of: "="), equals != pair.startIndex,
                let value = decimal(pair[pair.index(after: equals)...]),
                bounds.updateValue(value, forKey: String(pair[..<equals])) == nil
            else {
                throw AssayError(
                    .requestInvalid, "\(parameter) has \(Printable.quote(pair, limit: 40))",
                    remedy: "write each metric once, as NAME=NUMBER, with commas between them")
            }
        }
        return bounds
    }

    private static func number(_ parameter: String, in call: Call) throws -> Double? {
        guard let text = try call.query[parameter] else { return nil }
        guard let value = decimal(text), value > 0 else {
            throw AssayError(
                .requestInvalid, "\(parameter) is \(Printable.quote(text, limit: 20))", remedy: "use a number above 0")
        }
        return value
    }

    /// A finite number in decimal digits, with an exponent or without.
    private static func decimal(_ text: some StringProtocol) -> Double? {
        guard text.utf8.allSatisfy({ $0.isDecimalDigit || "+-.eE".utf8.contains($0) }), let value = Double(text),
            value.isFinite
        else { return nil }
        return value
    }
}
