/// One entry of the audit log: what happened, when, and by whom.
///
/// Written as one flat JSON object in canonical form: keys in byte order, no spaces, texts and whole numbers only. So a
/// fact has exactly one entry, and whoever has the fact can compute the entry again and compare. Format:
/// docs/formats/audit-log.md.
package struct AuditEntry: Sendable, Hashable {
    /// What an entry speaks of; the raw value is stable.
    package enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
        /// A manifest became a version.
        case version
        /// Other content was pushed: a child of an index, a referrer that is no attestation.
        case manifest
        /// A signature, a report, a verdict or another signed statement was attached.
        case attestation
        /// An alias was made, moved or removed.
        case alias
        /// An alias got another policy, or lost its policy.
        case policy
        /// The trust root changed.
        case key
        /// A manifest or a blob was deleted.
        case delete
        /// A version was withdrawn, or may be used again.
        case withdrawal
    }

    package enum Value: Sendable, Hashable {
        case text(String)
        case number(Int64)
    }

    /// The fields, in the order of their names, which is the order in which they are written.
    package enum Field: UInt8, Sendable, Hashable, CaseIterable {
        case action, actor, alias, artifactType, at, cause, digest, ends, envelope, from, key, kind, mediaType
        case metadata, name, number, policy, predicateType, reason, repositories, repository, repositoryKind, revokedAt
        case role, subject, target, to, validFrom, validUntil, verdict
    }

    private struct Detail: Sendable, Hashable {
        let field: Field
        let value: Value
    }

    /// The most bytes of an entry: bundles of entries state lengths in 16 bits (C2SP tlog-tiles).
    package static let bytesMax = 65_535

    package let kind: Kind
    package let at: Timestamp
    package let actor: String
    /// Everything else in the order of the fields: an audit makes an entry of every fact, so this has to be cheap.
    private let details: [Detail]

    /// What a fact does not have is left out.
    package init(_ kind: Kind, at: Timestamp, actor: String, _ details: KeyValuePairs<Field, Value?>) {
        self.init(kind, at, actor, details.compactMap { field, value in value.map { Detail(field: field, value: $0) } })
    }

    package init(_ kind: Kind, at: Timestamp, actor: String, details: [Field: Value]) {
        self.init(kind, at, actor, details.map { Detail(field: $0.key, value: $0.value) })
    }

    private init(_ kind: Kind, _ at: Timestamp, _ actor: String, _ details: [Detail]) {
        self.kind = kind
        self.at = at
        self.actor = actor
        self.details = details.sorted { $0.field.rawValue < $1.field.rawValue }
    }

    /// A field's text; nil if the entry has none of that name.
    package func text(_ field: Field) -> String? {
        if case .text(let text) = value(field) { text } else { nil }
    }

    /// A field's number; nil if the entry has none of that name.
    package func number(_ field: Field) -> Int64? {
        if case .number(let number) = value(field) { number } else { nil }
    }

    private func value(_ field: Field) -> Value? { details.first { $0.field == field }?.value }
}

extension AuditEntry.Field {
    /// As it is written.
    package var name: String { Self.names[Int(rawValue)] }

    package init?(name: String) {
        guard let field = Self.fields[name] else { return nil }
        self = field
    }

    private static let names = allCases.map { JSON.written("\($0)") }
    private static let fields = Dictionary(uniqueKeysWithValues: allCases.map { ($0.name, $0) })
}

// MARK: Canonical form

extension AuditEntry {
    /// The canonical bytes. An entry that would be longer than any entry may be has its longest texts cut, each with
    /// an ellipsis; the same fact still gives the same bytes.
    package func encoded() -> [UInt8] {
        let bytes = encoded(textMax: .max)
        return bytes.count <= Self.bytesMax ? bytes : encoded(textMax: Self.longTextMax)
    }

    /// So short that all fields together stay below the limit, even where every character needs an escape.
    private static let longTextMax = 400

    private func encoded(textMax: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(512)
        let common = [
            Detail(field: .actor, value: .text(actor)), Detail(field: .at, value: .text(at.description)),
            Detail(field: .kind, value: .text(kind.rawValue)),
        ]
        var next = 0
        for detail in details {
            while next < common.count, common[next].field.rawValue < detail.field.rawValue {
                Self.append(common[next], max: textMax, to: &bytes)
                next += 1
            }
            Self.append(detail, max: textMax, to: &bytes)
        }
        for detail in common[next...] { Self.append(detail, max: textMax, to: &bytes) }
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    private static func append(_ detail: Detail, max: Int, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: bytes.isEmpty ? "{" : ","))
        append(detail.field.name, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        switch detail.value {
        case .number(let number): bytes.append(contentsOf: String(number).utf8)
        case .text(let text): append(text, max: max, to: &bytes)
        }
    }

    /// A text as a JSON string: escaped are the quote, the backslash and control characters, all else stands as it is.
    private static func append(_ text: String, max: Int = .max, to bytes: inout [UInt8]) {
        var shown = text.utf8.count > max ? String(text.unicodeScalars.prefix(max / 4)) + "…" : text
        bytes.append(UInt8(ascii: "\""))
        shown.withUTF8 { text in
            if !text.contains(where: isEscaped) { return bytes.append(contentsOf: text) }
            for byte in text { appendEscaped(byte, to: &bytes) }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func isEscaped(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == 0x7F || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private static func appendEscaped(_ byte: UInt8, to bytes: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(contentsOf: [UInt8(ascii: "\\"), byte])
        case 0..<0x20, 0x7F: bytes.append(contentsOf: "\\u00\(Hex.encode([byte]))".utf8)
        default: bytes.append(byte)
        }
    }

    /// Reads an entry; throws `log-inconsistent` for anything that no entry is.
    package init(parsing bytes: [UInt8]) throws(AssayError) {
        do {
            let body = try JSON.decodeVerbatim([String: AnyValue].self, from: bytes)
            var details: [Field: Value] = [:]
            for (name, value) in body {
                guard let field = Field(name: name) else { continue }  // A later release may say more.
                details[field] = value.value
            }
            guard let entry = AuditEntry(fields: details) else {
                throw AssayError(.logInconsistent, "it does not say what happened, when, and by whom")
            }
            self = entry
        } catch {
            throw AssayError(
                .logInconsistent, "an entry of the audit log cannot be read",
                reason: (error as? AssayError).map { $0.reason ?? $0.message }, cause: error)
        }
    }

    /// Nil unless the fields say what happened, when, and by whom.
    private init?(fields: [Field: Value]) {
        var details = fields
        guard case .text(let kind) = details.removeValue(forKey: .kind), let kind = Kind(rawValue: kind),
            case .text(let at) = details.removeValue(forKey: .at), let at = Timestamp(parsing: at),
            case .text(let actor) = details.removeValue(forKey: .actor)
        else { return nil }
        self.init(kind, at: at, actor: actor, details: details)
    }

    /// A text or a whole number.
    private struct AnyValue: Decodable {
        let value: Value

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Int64.self) {  // No number: then it must be a text.
                value = .number(number)
            } else {
                value = .text(try container.decode(String.self))
            }
        }
    }
}

extension AuditEntry: Codable {
    /// An entry within a message is the same flat object.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        var details: [Field: Value] = [:]
        for key in container.allKeys {
            guard let field = Field(written: key.stringValue) else { continue }
            details[field] = try container.decode(AnyValue.self, forKey: key).value
        }
        guard let entry = AuditEntry(fields: details) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "not an entry of the audit log"))
        }
        self = entry
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(kind.rawValue, forKey: Key(.kind))
        try container.encode(at, forKey: Key(.at))
        try container.encode(actor, forKey: Key(.actor))
        for detail in details {
            switch detail.value {
            case .text(let text): try container.encode(text, forKey: Key(detail.field))
            case .number(let number): try container.encode(number, forKey: Key(detail.field))
            }
        }
    }

    private struct Key: CodingKey {
        let stringValue: String
        let intValue: Int? = nil

        init(_ field: Field) { stringValue = field.name }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}

extension AuditEntry.Field {
    /// The field of a key that JSON decoding may have turned into camel case.
    fileprivate init?(written key: String) { self.init(name: JSON.written(key)) }
}
