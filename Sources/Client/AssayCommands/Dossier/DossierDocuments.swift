import AssayBundle
import AssayCrypto
import AssayDomain

/// The documents that a dossier is made of, by digest.
protocol DossierDocuments {
    /// The bytes of a document, proven by its digest; nil if it is not there.
    func bytes(of digest: Digest) throws -> [UInt8]?
}

/// What a dossier calls for, and how it is found or told to be gone.
struct DossierSources {
    let log: DossierLog
    let documents: any DossierDocuments
    /// Every document that is called for and there.
    private(set) var used: Set<Digest> = []
    /// Entries whose document a deletion took.
    private(set) var gone: Set<Int64> = []
    /// Entries whose document is not there although no deletion took it.
    private(set) var missing: [(index: Int64, digest: Digest)] = []

    init(log: DossierLog, documents: any DossierDocuments) {
        self.log = log
        self.documents = documents
    }

    /// A document that an entry names; nil if it is gone.
    mutating func document(_ digest: Digest, of entry: Int64) throws -> [UInt8]? {
        if let bytes = try documents.bytes(of: digest) {
            used.insert(digest)
            return bytes
        }
        if log.ended.contains(entry) {
            gone.insert(entry)
        } else if !missing.contains(where: { $0.index == entry }) {
            missing.append((entry, digest))
        }
        return nil
    }

    /// A policy's text or a key, which nothing deletes. Throws `bundle-invalid` without it.
    mutating func lasting(_ digest: Digest, _ what: String) throws -> [UInt8] {
        guard let bytes = try documents.bytes(of: digest) else {
            throw AssayError(.bundleInvalid, "the dossier lacks \(what)", reason: "\(digest) is not in it")
        }
        used.insert(digest)
        return bytes
    }

    /// The keys as the log has them at the end of the window, each with its text. Throws as `lasting`, and
    /// `bundle-invalid` for an entry of a key that cannot be read.
    mutating func trustRoot() throws -> TrustRoot {
        var keys: [TrustedKey] = []
        for item in log.keys {
            guard let id = item.entry.text(.key), let digest = try? Digest(parsing: "sha256:\(id)"),
                let role = item.entry.text(.role).flatMap(TrustedKey.Role.init)
            else { throw AssayError(.bundleInvalid, "entry \(item.index) names no key") }
            let pem = String(decoding: try lasting(digest, "the key of entry \(item.index)"), as: UTF8.self)
            guard try TrustAnchor.identity(ofPEM: pem, role: role).id == id else {
                throw AssayError(.bundleInvalid, "the key of entry \(item.index) is another one")
            }
            func time(_ field: AuditEntry.Field) -> Timestamp? { item.entry.text(field).flatMap(Timestamp.init) }
            let patterns = try item.entry.text(.repositories).map {
                try JSON.decode([RepositoryPattern].self, from: Array($0.utf8))
            }
            let place = keys.firstIndex { $0.id == id }
            let key = TrustedKey(
                id: id, name: item.entry.text(.name) ?? "", pem: pem, role: role, repositories: patterns,
                validFrom: time(.validFrom), validUntil: time(.validUntil),
                addedAt: place.map { keys[$0].addedAt } ?? item.at,
                revokedAt: time(.revokedAt))
            // Each change says all of the key as it is from then on.
            if let place { keys[place] = key } else { keys.append(key) }
        }
        return TrustRoot(keys: keys)
    }
}
