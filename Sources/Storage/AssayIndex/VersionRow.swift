import AssayDomain
import GRDB
import Synchronization

/// A version as it stands in the database, in the column order of the version statements.
///
/// Its JSON is read by the caller's task, so that a reader is free for the next call meanwhile.
struct VersionRow: Sendable {
    private enum Details {
        case known(VersionDetails)
        case json(metadata: String, model: String?)
    }

    let id: Int64
    private let repository: RepositoryName
    private let kind: Repository.Kind
    private let number: VersionNumber
    private let digest: Digest
    private let createdAt: Timestamp
    private let contentBytes: Int64
    private let aliases: String?
    private let annotations: String
    private let details: Details
    private let notPromoted: String?
    private let withdrawn: String?

    init(_ row: Row, cache: VersionDetailsCache) throws {
        id = try row.integer(0)
        repository = try row.repositoryName(1)
        kind = try row.word(2)
        number = try row.number(3)
        digest = try row.digest(4)
        createdAt = try row.time(5)
        contentBytes = try row.integer(6)
        aliases = row[7]
        annotations = try row.text(8)
        notPromoted = row[11]
        withdrawn = row[12]
        details = try cache[id].map(Details.known) ?? .json(metadata: row.text(9), model: row[10])
    }

    /// The annotations alone.
    func labels() throws -> [String: String] { try StoredJSON.annotations(annotations) }

    func version(cache: VersionDetailsCache) throws -> Version {
        let details = try resolvedDetails(cache: cache)
        var version = Version(
            repository: repository, kind: kind, number: number, manifestDigest: digest, createdAt: createdAt,
            contentBytes: contentBytes, aliases: try (aliases ?? "").split(separator: " ").map(aliasName),
            metadata: details.metadata, model: details.model,
            annotations: try labels())
        version.notPromoted = try notPromoted?.split(separator: " ").map(aliasName)
        version.withdrawn = try withdrawn.map { try StoredJSON.value(StoredWithdrawal.self, $0).withdrawn }
        return version
    }

    /// As the view `version_details` writes it.
    private struct StoredWithdrawal: Decodable {
        let at: Int64
        let actor: String
        let reason: String

        var withdrawn: Version.Withdrawn {
            Version.Withdrawn(at: Timestamp(milliseconds: at), actor: actor, reason: reason)
        }
    }

    private func resolvedDetails(cache: VersionDetailsCache) throws -> VersionDetails {
        switch details {
        case .known(let details): return details
        case .json(let metadata, let model):
            let details = VersionDetails(
                metadata: try StoredJSON.value(VersionMetadata.self, metadata),
                model: try model.map { try StoredJSON.value(ModelSummary.self, $0) })
            cache.keep(details, of: id, jsonBytes: metadata.utf8.count + (model?.utf8.count ?? 0))
            return details
        }
    }

    private func aliasName(_ text: Substring) throws -> AliasName {
        do {
            return try AliasName(parsing: text)
        } catch {
            throw IndexFault.unreadable("an alias", cause: error)
        }
    }
}

/// What never changes about a version.
struct VersionDetails: Sendable {
    let metadata: VersionMetadata
    let model: ModelSummary?
}

/// Details of versions that were read lately, because parsing their JSON costs more than all the rest of a read.
///
/// Details are written once and row ids are never given twice, so nothing here can be out of date. It holds two
/// generations: when the young one is full it becomes the old one, and what is asked for again moves back.
final class VersionDetailsCache: Sendable {
    /// The most JSON that one generation stands for, in bytes.
    static let generationBytesMax = 4 << 20

    private struct Entry {
        let details: VersionDetails
        let jsonBytes: Int
    }

    private struct State {
        var young: [Int64: Entry] = [:]
        var old: [Int64: Entry] = [:]
        var youngBytes = 0

        mutating func insert(_ entry: Entry, id: Int64) {
            guard young.updateValue(entry, forKey: id) == nil else { return }
            youngBytes += entry.jsonBytes
            guard youngBytes > VersionDetailsCache.generationBytesMax else { return }
            old = young
            young = [:]
            youngBytes = 0
        }
    }

    private let state = Mutex(State())

    subscript(id: Int64) -> VersionDetails? {
        state.withLock { state in
            if let entry = state.young[id] { return entry.details }
            guard let entry = state.old[id] else { return nil }
            state.insert(entry, id: id)
            return entry.details
        }
    }

    func keep(_ details: VersionDetails, of id: Int64, jsonBytes: Int) {
        state.withLock { $0.insert(Entry(details: details, jsonBytes: jsonBytes), id: id) }
    }
}
