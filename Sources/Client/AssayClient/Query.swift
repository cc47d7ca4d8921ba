import AssayDomain

/// The query of a request: names and values in order, those without a value left out.
struct Query: ExpressibleByDictionaryLiteral {
    private let items: [(name: String, value: String)]

    init(dictionaryLiteral elements: (String, (any CustomStringConvertible)?)...) {
        items = elements.compactMap { name, value in value.map { (name, $0.description) } }
    }

    /// Empty, or a question mark and the encoded items.
    var text: String {
        guard !items.isEmpty else { return "" }
        return "?" + items.map { "\($0.name)=\(PercentEncoding.encode($0.value))" }.joined(separator: "&")
    }
}
