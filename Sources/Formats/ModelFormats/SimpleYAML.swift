/// The plain part of YAML that front matter and MLflow's files are written in: keys with texts, lists of texts, and
/// which keys stand beneath a key. Whatever else there is, is passed over and means nothing.
///
/// Source: YAML 1.2.2, chapters 7 and 8. It is no reader of YAML: nothing is decided by what it gives.
struct SimpleYAML {
    /// What one key at the left margin has.
    struct Entry: Equatable {
        let key: String
        var values: [String] = []
        /// The keys one step beneath it.
        var keys: [String] = []
    }

    private(set) var entries: [Entry] = []
    private var indentation: Int?
    /// Whether a text that goes over several lines is passed over.
    private var isInText = false

    /// Throws `NotInspected` for more keys than are read.
    init(_ text: String) throws(NotInspected) {
        for line in text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false) {
            try read(String(decoding: line, as: UTF8.self))
        }
    }

    subscript(_ key: String) -> Entry? { entries.first { $0.key == key } }

    private mutating func read(_ line: String) throws(NotInspected) {
        let content = line.trimmed
        guard !content.isEmpty, !content.hasPrefix("#") else { return }
        let depth = line.utf8.prefix { $0 == 0x20 }.count
        if depth == 0, !content.hasPrefix("- ") {
            (indentation, isInText) = (nil, false)
            guard let (key, value) = Self.pair(content) else { return }
            guard entries.count < ScanLimit.frontMatterKeys else {
                throw NotInspected("it has over \(ScanLimit.frontMatterKeys) keys")
            }
            entries.append(Entry(key: key, values: Self.values(value)))
            isInText = ["|", ">"].contains { value.hasPrefix($0) }
            if isInText { entries[entries.count - 1].values = [] }
            return
        }
        guard !entries.isEmpty, !isInText else { return }
        if indentation == nil { indentation = depth }
        guard depth == indentation else { return }
        let last = entries.count - 1
        if content.hasPrefix("- ") {
            let value = String(content.dropFirst(2)).trimmed
            // An item that is an object of its own is no text.
            if Self.pair(value) == nil, entries[last].values.count < ScanLimit.values + 1 {
                entries[last].values += Self.values(value)
            }
        } else if let (key, _) = Self.pair(content), entries[last].keys.count < ScanLimit.values {
            entries[last].keys.append(key)
        }
    }

    /// `key: value` or `key:`; nil for anything else.
    private static func pair(_ content: String) -> (String, String)? {
        guard let colon = content.firstRange(of: ":") else { return nil }
        let (key, rest) = (unquoted(String(content[..<colon.lowerBound]).trimmed), content[colon.upperBound...])
        guard !key.isEmpty, rest.isEmpty || rest.first == " " else { return nil }
        return (key, String(rest).trimmed)
    }

    /// A text, or the texts of a list in brackets.
    private static func values(_ text: String) -> [String] {
        guard text.hasPrefix("["), text.hasSuffix("]") else {
            let value = unquoted(withoutComment(text))
            return value.isEmpty || ["null", "~"].contains(value) || value.hasPrefix("{") ? [] : [value]
        }
        return text.dropFirst().dropLast().split(separator: ",").prefix(ScanLimit.values)
            .map { unquoted(String($0).trimmed) }.filter { !$0.isEmpty }
    }

    /// Of a text in quotes what stands up to the next one: whatever follows is no part of it.
    private static func withoutComment(_ text: String) -> String {
        if let quote = text.first, quote == "\"" || quote == "'" {
            let end = text.dropFirst().firstIndex(of: quote) ?? text.endIndex
            return String(text[..<end]) + String(quote)
        }
        guard let comment = text.firstRange(of: " #") else { return text }
        return String(text[..<comment.lowerBound]).trimmed
    }

    private static func unquoted(_ text: String) -> String {
        guard text.count >= 2, let quote = text.first, quote == "\"" || quote == "'", text.last == quote else {
            return text
        }
        return String(text.dropFirst().dropLast())
    }
}
