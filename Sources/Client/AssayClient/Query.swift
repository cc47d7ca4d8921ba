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
        return "?" + items.map { "\($0.name)=\(Self.encode($0.value))" }.joined(separator: "&")
    }

    /// Percent-encodes everything but the unreserved characters (RFC 3986, section 2.3).
    static func encode(_ text: String) -> String {
        var result: [UInt8] = []
        for byte in text.utf8 {
            if byte.isAlphanumeric || "-._~".utf8.contains(byte) {
                result.append(byte)
            } else {
                result.append(UInt8(ascii: "%"))
                result.append(contentsOf: Hex.encode([byte]).uppercased().utf8)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
