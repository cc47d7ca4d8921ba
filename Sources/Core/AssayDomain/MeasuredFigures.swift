/// Figures of a version that somebody measured elsewhere: the predicate of a statement whose subject is the version.
///
/// They are the signer's word, and never what a registry measured: other rows, other names, other demands. Format:
/// docs/formats/measured.md.
package struct MeasuredFigures: Sendable, Hashable, Encodable {
    /// The most figures of one statement.
    package static let countMax = 1_000
    package static let nameBytesMax = 100
    package static let unitBytesMax = 40
    private static let datasetNameBytesMax = 300

    /// What was measured on: only the digest, of the dataset's manifest, identifies it.
    package struct Dataset: Sendable, Hashable, Encodable {
        package let digest: Digest
        /// For people.
        package let name: String

        package init(digest: Digest, name: String) {
            self.digest = digest
            self.name = name
        }
    }

    /// A figure: finite, within its interval where it has one.
    package struct Value: Sendable, Hashable, Encodable {
        package let value: Double
        /// Of how many samples it is.
        package let n: Int64?
        package let low: Double?
        package let high: Double?
        package let unit: String?

        /// As tables show it: `71.2 % (70.4 to 71.9, n 14042)`.
        package var text: String {
            let interval =
                low == nil && high == nil
                ? nil : "\(low.map { JSONTree.text(of: $0) } ?? "…") to \(high.map { JSONTree.text(of: $0) } ?? "…")"
            let notes = [interval, n.map { "n \($0)" }].compactMap(\.self)
            return JSONTree.text(of: value) + (unit.map { " \(Printable.escape($0))" } ?? "")
                + (notes.isEmpty ? "" : " (\(notes.joined(separator: ", ")))")
        }
    }

    package let dataset: Dataset
    /// By name.
    package let metrics: [String: Value]
    /// The signer's own clock; it tells one statement from the next and decides nothing.
    package let statedAt: Timestamp

    package init(dataset: Dataset, metrics: [String: Value], statedAt: Timestamp) {
        self.dataset = dataset
        self.metrics = metrics
        self.statedAt = statedAt
    }

    private static let valueShape = KeyShape.object([
        "value": .value, "n": .value, "low": .value, "high": .value, "unit": .value,
    ])
    private static let shape = KeyShape.object([
        "dataset": .object(["digest": .value, "name": .value]), "metrics": .map(valueShape), "stated_at": .value,
    ])

    /// Reads a predicate, which has exactly these keys. Throws `json-invalid`.
    package static func parse(_ predicate: [UInt8]) throws(AssayError) -> MeasuredFigures {
        let document = try JSONValue(parsing: predicate)
        if let fault = shape.fault(in: document) { throw invalid(fault.message, remedy: fault.remedy) }
        guard case .text(let digest)? = document.value(at: ["dataset", "digest"]),
            case .text(let name)? = document.value(at: ["dataset", "name"]),
            case .text(let time)? = document["stated_at"], let statedAt = Timestamp(parsing: time),
            let metrics = document["metrics"]
        else { throw invalid("it does not say what was measured, on what and when") }
        guard name.utf8.count <= datasetNameBytesMax else { throw invalid("the dataset's name is too long") }
        let dataset: Digest
        do {
            dataset = try Digest(parsing: digest)
        } catch {
            throw invalid("the dataset has no digest: \(error.reason ?? error.message)")
        }
        return MeasuredFigures(
            dataset: Dataset(digest: dataset, name: name), metrics: try values(in: metrics, isShort: false),
            statedAt: statedAt)
    }

    /// Reads the figures that somebody gives in a file: a map of names to numbers, or to their parts. Throws
    /// `json-invalid` for what two readers could understand in two ways, or that is no figure.
    package static func values(in document: JSONValue) throws(AssayError) -> [String: Value] {
        try values(in: document, isShort: true)
    }

    private static func values(in document: JSONValue, isShort: Bool) throws(AssayError) -> [String: Value] {
        guard case .object(let members) = document else {
            throw invalid("it is no map of names to figures", remedy: "write each figure as NAME: NUMBER")
        }
        let each = isShort ? KeyShape.valueOr(valueShape) : valueShape
        if let fault = KeyShape.map(each).fault(in: document) { throw invalid(fault.message, remedy: fault.remedy) }
        guard 1...countMax ~= members.count else {
            throw invalid("it has \(members.count) figures", remedy: "give 1 to \(countMax)")
        }
        var values: [String: Value] = [:]
        var folded: [String: String] = [:]
        for member in members {
            try checkName(member.name)
            // A reader that passes over case would take one of the two.
            if let other = folded.updateValue(member.name, forKey: member.name.lowercased()) {
                throw invalid(
                    "the names \(Printable.quote(other)) and \(Printable.quote(member.name)) differ in case alone",
                    remedy: "give one of them another name")
            }
            values[member.name] = try value(of: member.value, name: member.name)
        }
        return values
    }

    /// Throws `json-invalid` for a name that could be read, or printed, as another one.
    private static func checkName(_ name: String) throws(AssayError) {
        guard let fault = nameFault(name) else { return }
        throw invalid(
            "the name \(Printable.quote(name, limit: 80)) \(fault)",
            remedy: "use 1 to \(nameBytesMax) ASCII characters without blanks, quotes and backslashes")
    }

    /// Why a text is no name of a figure; nil if it is one.
    static func nameFault(_ name: String) -> String? {
        if name.isEmpty { return "is empty" }
        if name.utf8.count > nameBytesMax { return "is too long" }
        let isPlain = name.utf8.allSatisfy { 0x21...0x7E ~= $0 && !"\"'`\\<>".utf8.contains($0) }
        return isPlain ? nil : "has characters that no name of a figure has"
    }

    private static func value(of given: JSONValue, name: String) throws(AssayError) -> Value {
        let quoted = Printable.quote(name)
        let parts: JSONValue
        switch given {
        case .number: parts = .object([.init(name: "value", value: given)])
        case .object: parts = given
        case .null, .flag, .text, .list:
            throw invalid("\(quoted) is no number", remedy: "write a finite number without quotes, as 0.71")
        }
        func number(_ part: String) throws(AssayError) -> Double? {
            guard let found = parts[part] else { return nil }
            guard let number = found.number, abs(number) < KeyShape.exactMax else {
                throw invalid(
                    "'\(part)' of \(quoted) is no finite number that every reader has alike",
                    remedy: "write it as JSON does, below 2^53; give large figures in another unit")
            }
            return number
        }
        guard let value = try number("value") else {
            throw invalid("\(quoted) has no value", remedy: "write \(name): {value: 0.71, n: 1000}")
        }
        let (low, high) = (try number("low"), try number("high"))
        guard low ?? value <= value, value <= high ?? value else {
            throw invalid("\(quoted) lies outside of its interval", remedy: "give low, value and high in their order")
        }
        let count = try number("n")
        guard count.map({ $0 >= 1 && $0 == $0.rounded() }) ?? true else {
            throw invalid("'n' of \(quoted) is no whole number from 1 on", remedy: "n is the number of samples")
        }
        return Value(
            value: value, n: count.map { Int64($0) }, low: low, high: high, unit: try unit(parts["unit"], of: quoted))
    }

    private static func unit(_ given: JSONValue?, of quoted: String) throws(AssayError) -> String? {
        guard let given else { return nil }
        guard case .text(let unit) = given, 1...unitBytesMax ~= unit.utf8.count, Printable.isPlain(unit) else {
            throw invalid(
                "the unit of \(quoted) is no text of 1 to \(unitBytesMax) printable bytes",
                remedy: "put it in quotes, or leave it out")
        }
        return unit
    }

    private static func invalid(_ reason: String, remedy: String? = nil) -> AssayError {
        AssayError(
            .jsonInvalid, "the figures cannot be read", reason: reason,
            remedy: remedy ?? "see docs/formats/measured.md for what they look like")
    }
}
