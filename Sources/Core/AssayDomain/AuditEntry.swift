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
    }

    package enum Value: Sendable, Hashable {
        case text(String)
        case number(Int64)
    }

    /// The names of fields.
    package enum Field: String, Sendable, Hashable, CaseIterable {
        case action, actor, alias, at, cause, digest, ends, envelope, from, key, kind, metadata, name, number, policy
        case repositories, repository, role, subject, target, to, verdict
        case artifactType = "artifact_type"
        case mediaType = "media_type"
        case predicateType = "predicate_type"
        case repositoryKind = "repository_kind"
        case revokedAt = "revoked_at"
        case validFrom = "valid_from"
        case validUntil = "valid_until"
    }

    /// The most bytes of an entry: bundles of entries state lengths in 16 bits (C2SP tlog-tiles).
    package static let bytesMax = 65_535

    package let kind: Kind
    package let at: Timestamp
    package let actor: String
    /// Everything else; what a fact does not have is left out.
    package let details: [Field: Value]

    package init(_ kind: Kind, at: Timestamp, actor: String, _ details: [Field: Value?]) {
        self.kind = kind
        self.at = at
        self.actor = actor
        self.details = details.compactMapValues(\.self)
    }

    /// A field's text; nil if the entry has none of that name.
    package func text(_ field: Field) -> String? {
        if case .text(let text) = details[field] { text } else { nil }
    }

    /// A field's number; nil if the entry has none of that name.
    package func number(_ field: Field) -> Int64? {
        if case .number(let number) = details[field] { number } else { nil }
    }
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
        bytes.reserveCapacity(384)
        for field in Self.sortedFields {
            let value: Value? =
                switch field {
                case .kind: .text(kind.rawValue)
                case .at: .text(at.description)
                case .actor: .text(actor)
                default: details[field]
                }
            guard let value else { continue }
            bytes.append(UInt8(ascii: bytes.isEmpty ? "{" : ","))
            Self.append(field.rawValue, to: &bytes)
            bytes.append(UInt8(ascii: ":"))
            switch value {
            case .number(let number): bytes.append(contentsOf: String(number).utf8)
            case .text(let text): Self.append(text, max: textMax, to: &bytes)
            }
        }
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    private static let sortedFields = Field.allCases.sorted {
        $0.rawValue.utf8.lexicographicallyPrecedes($1.rawValue.utf8)
    }

    /// A text as a JSON string: escaped are the quote, the backslash and control characters, all else stands as it is.
    private static func append(_ text: String, max: Int = .max, to bytes: inout [UInt8]) {
        let shown = text.utf8.count > max ? String(text.unicodeScalars.prefix(max / 4)) + "…" : text
        bytes.append(UInt8(ascii: "\""))
        for byte in shown.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0..<0x20, 0x7F: bytes.append(contentsOf: "\\u00\(Hex.encode([byte]))".utf8)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Reads an entry; throws `log-inconsistent` for anything that no entry is.
    package init(parsing bytes: [UInt8]) throws(AssayError) {
        do {
            let body = try JSON.decodeVerbatim([String: AnyValue].self, from: bytes)
            var details: [Field: Value] = [:]
            for (name, value) in body {
                guard let field = Field(rawValue: name) else { continue }  // A later release may say more.
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
        self.init(kind, at: at, actor: actor, details)
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
        for (field, value) in details {
            switch value {
            case .text(let text): try container.encode(text, forKey: Key(field))
            case .number(let number): try container.encode(number, forKey: Key(field))
            }
        }
    }

    private struct Key: CodingKey {
        let stringValue: String
        let intValue: Int? = nil

        init(_ field: Field) { stringValue = field.rawValue }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}

extension AuditEntry.Field {
    /// The field of a key that JSON decoding may have turned into camel case.
    fileprivate init?(written key: String) { self.init(rawValue: JSON.written(key)) }
}
