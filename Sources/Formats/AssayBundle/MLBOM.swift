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
    /// What the files are by their content, and what they say of themselves.
    package var inspections: [FileInspection]
    package var sources: [Source]
    /// What is known of other versions that the bill names, by the digests of their manifests.
    package var known: [Digest: VersionMetadata]
    package var measurements: [Measurement]

    package init(
        repository: RepositoryName, number: VersionNumber, kind: Repository.Kind, manifestDigest: Digest,
        files: [VersionFile], metadata: VersionMetadata = VersionMetadata(), model: ModelSummary? = nil,
        inspections: [FileInspection] = [], sources: [Source] = [], known: [Digest: VersionMetadata] = [:],
        measurements: [Measurement] = []
    ) {
        self.repository = repository
        self.number = number
        self.kind = kind
        self.manifestDigest = manifestDigest
        self.files = files
        self.metadata = metadata
        self.model = model
        self.inspections = inspections
        self.sources = sources
        self.known = known
        self.measurements = measurements
    }

    /// The bill as JSON with sorted keys and without spaces; it is built as a whole in memory.
    package func encoded() throws -> [UInt8] {
        let related = related
        let ref = Self.ref(name, manifestDigest)
        var document = CycloneDX(
            metadata: CycloneDX.Metadata(component: subject(ref: ref, related)),
            components: files.map(component).ordered { [$0.name] } + related.map { component(of: $0, ref: $0.ref) },
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
        // What the version's own metadata says comes before what a card among its files claims.
        component.licenses = (metadata.license ?? claim("license name") ?? claim("license"))
            .flatMap(CycloneDX.License.init).map { [$0] }
        component.modelCard = kind == .model ? card(related) : nil
        // A reference occurs once in a document, so the copies of the parents have none.
        component.pedigree = related.filter(\.isParent).map { self.component(of: $0, ref: nil) }.nonEmpty
            .map(CycloneDX.Pedigree.init)
        component.properties = properties.nonEmpty
        return component
    }

    private func component(of file: VersionFile) -> CycloneDX.Component {
        let said = inspections.first { $0.path.isExactly(file.path) }.map(Self.properties) ?? []
        return CycloneDX.Component(
            type: .file, bomRef: "file:\(file.path)", name: file.path, hashes: [CycloneDX.Hash(file.digest)],
            properties: [CycloneDX.Property("size_bytes", String(file.size))] + said)
    }

    /// What a file is, and what it says of itself.
    private static func properties(of file: FileInspection) -> [CycloneDX.Property] {
        let figures = [
            ("format", file.format), ("tensor_count", file.tensorCount.map { String($0) }),
            ("parameter_count", file.parameterCount.map { String($0) }), ("not_inspected", file.notInspected),
        ]
        let texts = figures.compactMap { name, text in text.map { CycloneDX.Property(name, $0) } }
        let imports = (file.imports ?? []).map { CycloneDX.Property("pickle_import", $0) }
        let types = (file.elementTypes ?? [:]).keys.sorted().map { CycloneDX.Property("element_type", $0) }
        let facts = (file.facts ?? []).flatMap { fact in
            fact.values.map { CycloneDX.Property("says:\(fact.name.replacing(" ", with: "_"))", $0) }
        }
        return texts + types + imports + facts
    }

    /// What a file beside the model says first of all under a name; nil if none does.
    private func claim(_ name: String) -> String? {
        inspections.lazy.filter { $0.format != FileInspection.Format.pickle }
            .compactMap { file in file.facts?.first { $0.name == name }?.values.first }.first
    }

    /// Another version, with what its own metadata says.
    private func component(of version: RelatedVersion, ref: String?) -> CycloneDX.Component {
        var component = version.component(ref: ref)
        guard let metadata = version.digest.flatMap({ known[$0] }) else { return component }
        component.description = metadata.description
        component.licenses = metadata.license.flatMap(CycloneDX.License.init).map { [$0] }
        return component
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
            task: claim("task"), architectureFamily: claim("model type"), modelArchitecture: claim("architecture"),
            datasets: related.filter(\.isData).map { CycloneDX.DatasetReference(ref: $0.ref) }.nonEmpty,
            inputs: model?.inputs.map(CycloneDX.Format.init).nonEmpty,
            outputs: model?.outputs.map(CycloneDX.Format.init).nonEmpty)
        let claimed = (metadata.metrics ?? [:]).map {
            CycloneDX.Metric(type: $0, value: String($1), slice: Self.claimedSlice)
        }
        let measured = measurements.flatMap(\.figures)
        return CycloneDX.ModelCard(
            modelParameters: parameters.isEmpty ? nil : parameters,
            quantitativeAnalysis: (claimed + measured).ordered { [$0.slice, $0.type, $0.value] }.nonEmpty
                .map(CycloneDX.Analysis.init),
            considerations: limitations.nonEmpty.map(CycloneDX.Considerations.init))
    }

    /// What whoever uses the model has to know, as far as it was found: nobody's judgement.
    private var limitations: [String] {
        let files = inspections.compactMap { file -> String? in
            if file.format == FileInspection.Format.pickle {
                return "loading the pickle \(Printable.quote(file.path)) can run any code"
            }
            return file.facts?.contains { $0.name == "own code" } == true
                ? "\(Printable.quote(file.path)) names code of the model's own" : nil
        }
        return (files + measurements.flatMap(\.limitations)).ordered { [$0] }
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

    /// The metrics over all samples, over each class and over each slice. Names of datasets have no spaces.
    fileprivate var figures: [CycloneDX.Metric] {
        let all = measurements.metrics.map { name, value in
            CycloneDX.Metric(
                type: name, value: String(value), slice: datasetName, confidenceInterval: interval(name, value))
        }
        let classes = (measurements.perClass ?? []).flatMap { figures in
            [("precision", figures.precision), ("recall", figures.recall), ("f1", figures.f1)].map {
                CycloneDX.Metric(type: $0, value: String($1), slice: "\(datasetName) class \(figures.class)")
            }
        }
        let slices = (measurements.slices ?? [:]).flatMap { group, values in
            values.flatMap { value, figures in
                figures.metrics.map {
                    CycloneDX.Metric(type: $0, value: String($1), slice: "\(datasetName) \(group)=\(value)")
                }
            }
        }
        return all + classes + slices
    }

    /// The score interval of a share of samples, 95 %: Wilson 1927. Only the accuracy is one.
    private func interval(_ name: String, _ share: Double) -> CycloneDX.Interval? {
        guard name == "accuracy", measurements.sampleCount > 0, 0...1 ~= share else { return nil }
        let (count, z) = (Double(measurements.sampleCount), 1.959963984540054)
        let center = share + z * z / (2 * count)
        let spread = z * (share * (1 - share) / count + z * z / (4 * count * count)).squareRoot()
        let scale = 1 + z * z / count
        return CycloneDX.Interval(
            lowerBound: String(max(0, (center - spread) / scale)), upperBound: String(min(1, (center + spread) / scale))
        )
    }

    /// What the measurement found that limits where its figures hold.
    fileprivate var limitations: [String] {
        var found: [String] = []
        if let batch = measurements.fixedBatch {
            found.append("it runs \(batch) samples at a time, and no other number")
        }
        if let fault = measurements.batchInvariant?.fault {
            found.append("answers in other batches cannot be compared on \(datasetName): \(fault)")
        } else if let difference = measurements.batchInvariant?.maxDifference, difference > 0 {
            found.append("answers differ by the batch on \(datasetName), by \(difference) at most of what was seen")
        }
        found += (measurements.leftOut ?? [:]).map { "\($0) was not measured on \(datasetName): \($1)" }
        return found
    }

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
