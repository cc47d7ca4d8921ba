import APIProtocol
import AssayBundle
import AssayClient
import AssayDomain
import AssayReport

extension ComparedVersion {
    /// The most reports and statements of figures that are looked through; the newest are taken.
    private static let statementsMax = 100

    /// Everything that a registry tells of a version; the keys of `root` count, as of now if somebody named them.
    static func fetch(
        _ version: Version, asked: String, root: TrustRoot, isNamed: Bool, client: AssayClient
    ) async throws -> ComparedVersion {
        let manifest = try await client.manifest(version.manifestDigest, in: version.repository)
        let files = try ModelPack.files(of: manifest)
        async let inspections = ShowCommand.inspections(of: version, files.map(\.path), client: client)
        async let origin = client.lineage(of: version.reference, direction: .ancestors, depth: 1)
        async let places = client.places(of: version.manifestDigest, limit: Pages.itemsMax)
        let gathered = try await GatheredEvidence.fetch(
            about: version, root: root, isNamed: isNamed, client: client)
        let figures = ReportCollection.figures(among: gathered).filter { $0.evidence.status == .valid }
        let graph = try await origin
        let place = try await places.items.first {
            $0.role == .manifest && $0.repository == version.repository && $0.version == version.number
        }
        return ComparedVersion(
            asked: asked, version: version, manifest: manifest, files: files, inspections: try await inspections,
            sources: Source.all(in: graph), evidence: gathered.map(\.evidence),
            reports: Array(ReportCollection.reports(among: gathered).prefix(statementsMax)),
            verdicts: ReportCollection.verdicts(among: gathered),
            figures: figures.reversed().prefix(statementsMax).map(\.content),
            earlierAliases: place?.earlierAliases ?? [])
    }
}

extension ComparedVersion.Source {
    /// What the root of a graph came from in one step.
    static func all(in graph: LineageResponse) -> [Self] {
        graph.edges.filter { $0.from.isExactly(graph.root) }.map { Self(relation: $0.relation, name: $0.to) }
    }
}
