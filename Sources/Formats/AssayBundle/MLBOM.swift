package import AssayDomain

/// What a bill of materials tells of a version, written as CycloneDX 1.6.
///
/// What is not known is left out. Nothing in it is a time, a machine or a person, so the same facts give the same
/// bytes, in whatever order they come. Source: CycloneDX 1.6 (ECMA-424, first edition), bom-1.6.schema.json.
package struct MLBOM: Sendable {
    /// What a version came from or was judged by.
    package struct Source: Sendable, Hashable {
        package let relation: LineageRelation
        /// A version such as `team/payments:4`, or the label of a run.
        package let name: String
        /// Of the source's manifest; nil where it is not known.
        package let digest: Digest?

        package init(relation: LineageRelation, name: String, digest: Digest?) {
            self.relation = relation
            self.name = name
            self.digest = digest
        }
    }

    /// What one evaluator measured of the version on one dataset.
    package struct Measurement: Sendable {
        package let dataset: VerificationReport.Subject
        package let measurements: VerificationReport.Measurements
        /// The build that measured.
        package let evaluator: String

        package init(
            dataset: VerificationReport.Subject, measurements: VerificationReport.Measurements, evaluator: String
        ) {
            self.dataset = dataset
            self.measurements = measurements
            self.evaluator = evaluator
        }
    }

    /// The slice of a metric that nobody measured. No dataset has this name: names have no spaces.
    package static let claimedSlice = "claimed by training"

    package var repository: RepositoryName
    package var number: VersionNumber
    package var kind: Repository.Kind
    package var manifestDigest: Digest
    package var files: [VersionFile]
    package var metadata: VersionMetadata
    package var model: ModelSummary?
    package var sources: [Source]
    package var measurements: [Measurement]

    package init(
        repository: RepositoryName, number: VersionNumber, kind: Repository.Kind, manifestDigest: Digest,
        files: [VersionFile], metadata: VersionMetadata = VersionMetadata(), model: ModelSummary? = nil,
        sources: [Source] = [], measurements: [Measurement] = []
    ) {
        self.repository = repository
        self.number = number
        self.kind = kind
        self.manifestDigest = manifestDigest
        self.files = files
        self.metadata = metadata
        self.model = model
        self.sources = sources
        self.measurements = measurements
    }

    /// The bill as JSON with sorted keys and without spaces; it is built as a whole in memory.
    package func encoded() throws -> [UInt8] {
        let related = related
        let ref = Self.ref(name, manifestDigest)
        var document = CycloneDX(
            metadata: CycloneDX.Metadata(component: subject(ref: ref, related)),
            components: files.map(Self.component).ordered { [$0.name] } + related.map { $0.component(ref: $0.ref) },
            dependencies: [
                CycloneDX.Dependency(ref: ref, dependsOn: related.filter(\.isOrigin).map(\.ref).nonEmpty)
            ])
        document.serialNumber = CycloneDX.serialNumber(of: try WireJSON.encode(document))
        return try WireJSON.encode(document)
    }

    /// `team/digits:3`
    private var name: String { Reference(repository, number).description }

    // MARK: Components

    /// The version itself. Only a model has a model card.
    private func subject(ref: String, _ related: [RelatedVersion]) -> CycloneDX.Component {
        var component = CycloneDX.Component(version: name, digest: manifestDigest, kind: kind, ref: ref)
        component.description = metadata.description
        component.licenses = metadata.license.flatMap(CycloneDX.License.init).map { [$0] }
        component.modelCard = kind == .model ? card(related) : nil
        // A reference occurs once in a document, so the copies of the parents have none.
        component.pedigree = related.filter(\.isParent).map { $0.component(ref: nil) }.nonEmpty
            .map(CycloneDX.Pedigree.init)
        component.properties = properties.nonEmpty
        return component
    }

    private static func component(of file: VersionFile) -> CycloneDX.Component {
        CycloneDX.Component(
            type: .file, bomRef: "file:\(file.path)", name: file.path, hashes: [CycloneDX.Hash(file.digest)],
            properties: [CycloneDX.Property("size_bytes", String(file.size))])
    }

    /// Every other version that the bill names, once for all relations to it. A run is no version.
    private var related: [RelatedVersion] {
        let named =
            sources.filter { $0.relation != .producedBy }
            + measurements.map { Source(relation: .evaluatedOn, name: $0.datasetName, digest: $0.dataset.digest) }
        return Dictionary(grouping: named, by: \.name).flatMap { name, sources in
            let digests = Set(sources.compactMap(\.digest)).map(Optional.some)
            return (digests.nonEmpty ?? [nil]).map { digest in
                // A source of unknown digest is the one that has its name.
                let relations = sources.filter { $0.digest == nil || $0.digest == digest }.map(\.relation)
                return RelatedVersion(
                    ref: Self.ref(name, digest), name: name, digest: digest, relations: Set(relations),
                    subjectKind: kind)
            }
        }
        .ordered { [$0.ref] }
    }

    /// What the document calls a version; files are called otherwise, so that no two components share a name.
    private static func ref(_ name: String, _ digest: Digest?) -> String {
        "version:\(name)" + (digest.map { "@\($0)" } ?? "")
    }

    // MARK: What is known of the version

    private func card(_ related: [RelatedVersion]) -> CycloneDX.ModelCard {
        let parameters = CycloneDX.ModelParameters(
            datasets: related.filter(\.isData).map { CycloneDX.DatasetReference(ref: $0.ref) }.nonEmpty,
            inputs: model?.inputs.map(CycloneDX.Format.init).nonEmpty,
            outputs: model?.outputs.map(CycloneDX.Format.init).nonEmpty)
        let claimed = (metadata.metrics ?? [:]).map {
            CycloneDX.Metric(type: $0, value: String($1), slice: Self.claimedSlice)
        }
        let measured = measurements.flatMap { measurement in
            measurement.measurements.metrics.map {
                CycloneDX.Metric(type: $0, value: String($1), slice: measurement.datasetName)
            }
        }
        return CycloneDX.ModelCard(
            modelParameters: parameters.isEmpty ? nil : parameters,
            quantitativeAnalysis: (claimed + measured).ordered { [$0.slice, $0.type, $0.value] }.nonEmpty
                .map(CycloneDX.Analysis.init))
    }

    /// What CycloneDX has no field for.
    private var properties: [CycloneDX.Property] {
        let texts = [
            ("framework", metadata.framework), ("run_id", metadata.runId), ("git_commit", metadata.gitCommit),
            ("model_path", model?.path), ("producer", model?.producer),
            ("parameter_count", model.map { String($0.parameterCount) }),
        ]
        var all = texts.compactMap { name, text in text.map { CycloneDX.Property(name, $0) } }
        all += (metadata.hyperparameters ?? [:]).map { CycloneDX.Property("hyperparameter:\($0)", $1) }
        all += (model?.opsets ?? [:]).map { CycloneDX.Property("opset:\($0)", String($1)) }
        all += (model?.precision ?? []).map { CycloneDX.Property("precision", $0) }
        all += Set(sources.filter { $0.relation == .producedBy }.map(\.name)).map {
            CycloneDX.Property("produced_by", $0)
        }
        all += measurements.flatMap(\.properties)
        if kind == .dataset {
            all += (metadata.metrics ?? [:]).map { CycloneDX.Property("claimed_metric:\($0)", String($1)) }
        }
        return all.ordered { [$0.name, $0.value] }
    }
}

extension MLBOM.Measurement {
    /// `team/digits-test:1`
    fileprivate var datasetName: String { Reference(dataset.repository, dataset.number).description }

    /// The figures that are no metrics: who measured, on how much, how long a batch took.
    fileprivate var properties: [CycloneDX.Property] {
        let latency = measurements.latency
        let times = VerificationReport.Latency.statistics.compactMap { name in
            latency.microseconds(of: name).map { ("latency_\(name)_microseconds", String($0)) }
        }
        let figures =
            [("evaluator", evaluator), ("sample_count", String(measurements.sampleCount))] + times + [
                ("latency_runs", String(latency.runs)), ("throughput_samples_per_second", String(latency.throughput)),
                ("load_microseconds", String(measurements.loadMicroseconds)),
                ("first_run_microseconds", String(measurements.firstRunMicroseconds)),
                ("peak_memory_bytes", String(measurements.peakMemoryBytes)),
            ]
        return figures.map { CycloneDX.Property("measured:\(datasetName):\($0)", $1) }
    }
}

/// Another version that a bill names, with all its relations to the subject.
private struct RelatedVersion {
    let ref: String
    let name: String
    let digest: Digest?
    let relations: Set<LineageRelation>
    let subjectKind: Repository.Kind

    /// Whether the subject was made from it: judging by data changes no model.
    var isOrigin: Bool { relations.contains { $0 != .evaluatedOn } }
    var isParent: Bool { relations.contains { !$0.isOfData } }
    /// A dataset by its relation; a derived version is of the kind of its parent.
    var isData: Bool { subjectKind == .dataset || relations.contains(where: \.isOfData) }

    func component(ref: String?) -> CycloneDX.Component {
        var component = CycloneDX.Component(
            version: name, digest: digest, kind: isData ? .dataset : .model, ref: ref)
        component.properties = relations.map { CycloneDX.Property("relation", $0.rawValue) }.ordered { [$0.value] }
        return component
    }
}

extension CycloneDX.Component {
    /// A version by its name, such as `team/digits:3`.
    fileprivate init(version name: String, digest: Digest?, kind: Repository.Kind, ref: String?) {
        // A name of another form is told as it stands: it is for people, only the digest identifies.
        let reference = try? Reference(parsing: name)
        self.init(
            type: kind == .model ? .model : .data, bomRef: ref, name: reference?.repository.text ?? name,
            hashes: digest.map { [CycloneDX.Hash($0)] })
        if case .tag(.number(let number)) = reference?.selector { version = number.description }
        if kind == .dataset { data = [CycloneDX.Contents(name: self.name)] }
    }
}
