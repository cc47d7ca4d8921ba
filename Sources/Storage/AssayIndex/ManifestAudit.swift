import AssayCrypto
import AssayDomain
import AssayRegistry
import Foundation
import GRDB

/// Compares manifests of the index with their own bytes: the columns, the references, and the place among the
/// attestations that were taken from them.
struct ManifestAudit {
    /// Of a range of manifests, in the order of their ids.
    private let references: RowCursor
    /// The next one that no manifest took yet.
    private var reference: Row?

    /// For the manifests behind one id, up to another one.
    init(after: Int64, through: Int64, in database: Database) throws {
        references = try Row.fetchCursor(
            database.cachedStatement(sql: HotStatement.referencesOfManifests.rawValue), arguments: [after, through])
        reference = try references.next()
    }

    /// Whether a row of `HotStatement.loggedManifests` fits its content; the rows come in the order of their ids.
    mutating func isSound(_ row: Row) throws -> Bool {
        do {
            return try isWhole(row)
        } catch is AssayError {
            return false  // A column cannot be read, or misses.
        }
    }

    private mutating func isWhole(_ row: Row) throws -> Bool {
        try row.withUnsafeData(atIndex: 7) { content in
            try (content ?? Data()).withUnsafeBytes { bytes in
                let digest = try row.digest(3)
                guard Digest.of(bytes, algorithm: digest.algorithm) == digest,
                    try row.integer(ManifestColumn.size) == Int64(bytes.count)
                else { return false }
                if let columns = ManifestColumns(outline: bytes), try fits(columns, row) { return true }
                // The columns are not what the outline says, or it says nothing: the decoder decides.
                let manifest = try Manifest(parsing: Array(bytes), digest: digest, contentType: try row.text(4))
                return try fits(ManifestColumns(manifest), row)
            }
        }
    }

    private mutating func fits<Text: ColumnText>(_ columns: ManifestColumns<Text>, _ row: Row) throws -> Bool {
        guard try columns.mediaType.map({ try row.holds($0, at: 4) }) ?? true,
            try row.holds(columns.artifactType, at: 5), try row.holds(columns.subject, at: 6),
            try row.holds(columns.annotations, at: ManifestColumn.annotations),
            try row.hasNull(atIndex: 10) || row.integer(ManifestColumn.contentBytes) == columns.contentBytes
        else { return false }
        return try fits(columns.attestation, row) && takeReferences(columns.references, row)
    }

    private func fits<Text: ColumnText>(_ attestation: ManifestColumns<Text>.Attestation?, _ row: Row) throws -> Bool {
        let isThere = !row.hasNull(atIndex: ManifestColumn.attestationRepositoryID)
        guard isThere, let attestation else { return !isThere && attestation == nil }
        return try row.integer(ManifestColumn.attestationRepositoryID) == row.integer(ManifestColumn.repositoryID)
            && row.holds(attestation.subject, at: ManifestColumn.attestationSubject)
            && row.holds(attestation.artifactType, at: 14) && row.holds(attestation.predicateType, at: 15)
            && row.holds(attestation.envelope, at: 16)
            && row.integer(ManifestColumn.envelopeSize) == attestation.envelopeSize
    }

    /// Whether the references of a manifest are these; they are taken from the cursor only if they are.
    private mutating func takeReferences<Text: ColumnText>(
        _ expected: [ManifestColumns<Text>.Reference], _ row: Row
    ) throws -> Bool {
        let id = try row.integer(ManifestColumn.id)
        // Those of before are of no manifest, or of one that had more than it should.
        while let reference, try reference.integer(0) < id { try advance() }
        for (position, reference) in expected.enumerated() {
            guard let found = self.reference, try found.integer(0) == id, try found.integer(1) == Int64(position),
                try found.integer(2) == row.integer(ManifestColumn.repositoryID),
                try found.text(3) == reference.role.rawValue, try found.holds(reference.digest, at: 4),
                try found.integer(5) == reference.size, try found.holds(reference.mediaType, at: 6)
            else { return false }
            try advance()
        }
        guard let reference else { return true }
        return try reference.integer(0) != id
    }

    private mutating func advance() throws { reference = try references.next() }
}

/// What the index keeps of a manifest beside its bytes.
struct ManifestColumns<Text> {
    struct Reference {
        let role: Manifest.Role
        let mediaType: Text
        let digest: Text
        let size: Int64
    }

    struct Attestation {
        let subject: Text
        let artifactType: Text
        let predicateType: Text?
        let envelope: Text
        let envelopeSize: Int64
    }

    /// Nil if the bytes do not say: then the column has what the request said.
    let mediaType: Text?
    let artifactType: Text?
    let subject: Text?
    /// Canonical JSON.
    let annotations: [UInt8]?
    let contentBytes: Int64
    let references: [Reference]
    let attestation: Attestation?
}

extension ManifestColumns<String> {
    init(_ manifest: Manifest) throws {
        mediaType = manifest.mediaType
        artifactType = manifest.effectiveArtifactType
        subject = manifest.subject?.digest.description
        annotations = try manifest.descriptor.annotations.map(JSON.encode)
        contentBytes = manifest.contentBytes
        references = manifest.references.map { role, item in
            Reference(role: role, mediaType: item.mediaType, digest: item.digest.description, size: item.size)
        }
        let record = AttestationRecord(of: manifest, at: Timestamp(milliseconds: 0))
        attestation = subject.flatMap { subject in
            record.map { record in
                Attestation(
                    subject: subject, artifactType: record.artifactType, predicateType: record.predicateType,
                    envelope: record.envelope.digest.description, envelopeSize: record.envelope.size)
            }
        }
    }
}

extension ManifestColumns<UnsafeRawBufferPointer> {
    /// Nil where the outline of the bytes is not sure. The texts are places in the bytes.
    init?(outline bytes: UnsafeRawBufferPointer) {
        guard let outline = ManifestOutline(bytes) else { return nil }
        func text(_ place: Range<Int>) -> Text { Text(rebasing: bytes[place]) }
        func reference(_ role: Manifest.Role, _ item: ManifestOutline.Item) -> Reference {
            Reference(role: role, mediaType: text(item.mediaType), digest: text(item.digest), size: item.size)
        }
        mediaType = outline.mediaType.map(text)
        artifactType = (outline.artifactType ?? outline.config?.mediaType).map(text)
        subject = (outline.subject?.digest).map(text)
        let labels = outline.annotations.map { (key: text($0.key), value: text($0.value)) }
        annotations = Self.json(labels)
        contentBytes = outline.layers.reduce(0) { total, layer in
            let (sum, isOver) = total.addingReportingOverflow(layer.size)
            return isOver ? .max : sum
        }
        var references: [Reference] = []
        references.reserveCapacity(1 + outline.layers.count + outline.children.count)
        if let config = outline.config { references.append(reference(.config, config)) }
        for layer in outline.layers { references.append(reference(.layer, layer)) }
        for child in outline.children { references.append(reference(.child, child)) }
        self.references = references
        let layer = outline.layers.first.map { reference(.layer, $0) }
        attestation = Self.attestation(subject, artifactType, layer: layer) { name in
            labels.first { $0.key.equals(name) }?.value
        }
    }

    private static func json(_ labels: [(key: Text, value: Text)]) -> [UInt8]? {
        guard !labels.isEmpty else { return nil }
        var json: [UInt8] = []
        for label in labels.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            json.append(UInt8(ascii: json.isEmpty ? "{" : ","))
            json.append(UInt8(ascii: "\""))
            json.append(contentsOf: label.key)
            json.append(contentsOf: #"":""#.utf8)
            json.append(contentsOf: label.value)
            json.append(UInt8(ascii: "\""))
        }
        json.append(UInt8(ascii: "}"))
        return json
    }

    /// As `AttestationRecord` has it.
    private static func attestation(
        _ subject: Text?, _ type: Text?, layer: Reference?, label: (String) -> Text?
    ) -> Attestation? {
        guard let subject, let type, AttestationRecord.types.contains(where: type.equals), let layer,
            !MediaType.isNonDistributable(String(decoding: layer.mediaType, as: UTF8.self))
        else { return nil }
        return Attestation(
            subject: subject, artifactType: type,
            predicateType: label(Annotation.bundlePredicateType) ?? label(Annotation.predicateType),
            envelope: layer.digest, envelopeSize: layer.size)
    }
}

/// A text that can be compared with a column without decoding it.
protocol ColumnText {
    func equals(_ bytes: UnsafeRawBufferPointer) -> Bool
}

extension String: ColumnText {
    func equals(_ bytes: UnsafeRawBufferPointer) -> Bool { utf8.elementsEqual(bytes) }
}

extension [UInt8]: ColumnText {
    func equals(_ bytes: UnsafeRawBufferPointer) -> Bool { withUnsafeBytes { $0.equals(bytes) } }
}

extension UnsafeRawBufferPointer: ColumnText {
    func equals(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard count == bytes.count, let mine = baseAddress, let theirs = bytes.baseAddress else {
            return count == bytes.count
        }
        return memcmp(mine, theirs, count) == 0
    }

    fileprivate func equals(_ text: String) -> Bool { text.equals(self) }
}

extension Row {
    /// Whether a column has exactly this text, or neither has one.
    fileprivate func holds(_ text: (some ColumnText)?, at column: Int) throws -> Bool {
        try withUnsafeData(atIndex: column) { data in
            guard let data, let text else { return data == nil && text == nil }
            return data.withUnsafeBytes { text.equals($0) }
        }
    }
}
