import APIProtocol
import AssayClient
import AssayDomain

/// What was measured of an edge of the lineage: how far the result answers as what it came from.
struct EdgeEvidence: Encodable, Sendable {
    let result: String
    let source: String
    let verification: VerificationID
    let agreement: VerificationReport.AgreementFigure?
    /// Of the median time of a run, result over source.
    let latencyRatio: Double?

    /// Relations whose two ends answer the same questions.
    private static let relations: Set<LineageRelation> = [
        .derivedFrom, .fineTunedFrom, .quantizedFrom, .distilledFrom,
    ]
    /// The most edges whose evidence is looked for.
    private static let edgesMax = 20
    private static let confidence = 0.95

    /// In a line: `agrees 0.972 (0.957 to 0.983), 0.410x latency`.
    var text: String {
        let interval = agreement?.bound(confidence: Self.confidence).map {
            " (\(Figure.fixed($0.lower, 3)) to \(Figure.fixed($0.upper, 3)))"
        }
        let agrees = agreement.map { "agrees \(Figure.fixed($0.value, 3))\(interval ?? "")" }
        return [agrees, latencyRatio.map { "\(Figure.ratio($0)) latency" }].compactMap(\.self).joined(separator: ", ")
    }

    /// The evidence of the first edges that have some, by keys that the registry names. An end that is gone, or lies
    /// elsewhere, has none.
    static func fetch(of edges: [LineageResponse.Edge], client: AssayClient) async throws -> [EdgeEvidence] {
        let derived = edges.filter { relations.contains($0.relation) }.prefix(edgesMax)
        guard !derived.isEmpty else { return [] }
        let root = TrustRoot(keys: try await client.keys().items)
        var found: [EdgeEvidence] = []
        for edge in derived {
            guard let (result, source) = try await ends(of: edge, client) else { continue }
            let gathered = try await GatheredEvidence.fetch(about: result, root: root, isNamed: false, client: client)
            let report = ReportCollection.newestReport(among: gathered) {
                $0.agreement?.teacher?.digest == source.manifestDigest && $0.agreement?.failure == nil
            }
            guard let report, let agreement = report.measurements?.agreement else { continue }
            found.append(
                EdgeEvidence(
                    result: edge.from, source: edge.to, verification: report.verification,
                    agreement: agreement.figures["agreement"], latencyRatio: agreement.latency?.ratios?["p50"]?.ratio))
        }
        return found
    }

    private static func ends(
        of edge: LineageResponse.Edge, _ client: AssayClient
    ) async throws -> (result: Version, source: Version)? {
        // A label of something elsewhere is no reference.
        guard let from = try? Reference(parsing: edge.from), let to = try? Reference(parsing: edge.to) else {
            return nil
        }
        do {
            return (try await client.version(from), try await client.version(to))
        } catch let error as AssayError where error.code.kind == .notFound {
            return nil
        }
    }
}
