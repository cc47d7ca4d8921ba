import AssayDomain

/// JSON columns, written canonically.
enum StoredJSON {
    static func text(_ value: some Encodable) throws -> String {
        String(decoding: try JSON.encode(value), as: UTF8.self)
    }

    /// Throws `storage-failed` if the text is not of the type.
    static func value<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
        do {
            return try JSON.decode(type, from: Array(text.utf8))
        } catch {
            throw IndexFault.unreadable("a JSON column", cause: error)
        }
    }

    /// Labels by key; most versions have none, and then nothing is parsed.
    static func annotations(_ text: String) throws -> [String: String] {
        text == "{}" ? [:] : try value([String: String].self, text)
    }
}
