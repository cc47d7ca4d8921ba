/// How a version came about, as somebody signs it: the run, what went into it, and what it was told.
///
/// Written as SLSA provenance v1; format: docs/formats/attestations.md.
package struct Provenance: Sendable, Hashable {
    /// Who ran the training, as a URI.
    package var builderID: String
    /// What the version is said to be. It is carried along so that another registry knows it too.
    package var metadata: VersionMetadata
    package var sources: [LineageSource]

    package init(builderID: String, metadata: VersionMetadata, sources: [LineageSource]) {
        self.builderID = builderID
        self.metadata = metadata
        self.sources = sources
    }

    /// The relations that it tells.
    package var relations: Set<LineageRelation> {
        Set(sources.map(\.relation) + (metadata.runId == nil ? [] : [.producedBy]))
    }

    /// Who trains where nobody says so: whoever ran the push.
    package static let pushBuilderID = "urn:assay:push"
    /// Where the registry signs what a pusher said without a key.
    package static let registryBuilderID = "urn:assay:registry"
}
