import AssayDomain

/// A value of a metadata file with the name of its field, which says what may stand there.
///
/// A commit such as `1234e56` or `0012345` is text because its field takes text; what YAML would take it for without
/// the field does not matter.
struct MetadataField {
    let name: String
    let node: YAMLNode

    /// The text as it was written. Throws `YAMLNode.Fault` for a value that is none, or of several parts.
    func text() throws -> String {
        guard let text = node.scalar else { throw fault("is no text: put it in quotes") }
        if case .word(let word) = node.content, PlainScalar(word) == .null {
            throw fault("has no value: put it in quotes if '\(Printable.escape(word))' is meant")
        }
        return text
    }

    /// The text as it was written; a list of texts as `[a, b]`.
    func texts() throws -> String {
        guard case .list(let items) = node.content else { return try text() }
        return "[" + (try items.map { try field(of: $0).text() }).joined(separator: ", ") + "]"
    }

    /// A finite number as JSON writes it (RFC 8259, section 6).
    func number() throws -> Double {
        guard case .word(let word) = node.content, case .number(let text) = PlainScalar(word) else {
            throw fault("is no number: write it as JSON does, such as 0.97 or 1e-5, without quotes")
        }
        guard let number = Double(text), number.isFinite else { throw fault("is too large for a number") }
        return number
    }

    /// The fields of a value that has some, by name.
    func fields() throws -> [String: MetadataField] {
        guard case .map(let entries) = node.content else { throw fault("is no list of fields") }
        let path = name == Self.document ? "" : "\(name)."
        return try Dictionary(
            entries.map { entry in
                guard let key = entry.key.scalar, !key.isEmpty else {
                    throw fault("has a field without a name")
                }
                return (key, MetadataField(name: path + Printable.escape(key), node: entry.value))
            }, uniquingKeysWith: { first, _ in first })
    }

    /// One reference or a list of them.
    func references() throws -> [Reference] {
        let items = if case .list(let items) = node.content { items.map(field) } else { [self] }
        return try items.map { try Reference(parsing: $0.text()) }
    }

    static let document = "the file"

    private func field(of item: YAMLNode) -> MetadataField { MetadataField(name: name, node: item) }

    private func fault(_ reason: String) -> YAMLNode.Fault { YAMLNode.Fault("\(name) \(reason)", line: node.line) }
}
