import AssayBundle
import AssayCrypto
import AssayDomain
import Testing

struct MLBOMTests {
    private let manifestDigest = MLBOM.manifestSample
    private let dataDigest = MLBOM.dataSample
    private let dataRef = "version:team/payments:4@\(MLBOM.dataSample)"
    private let testRef = "version:team/digits-test:1@\(MLBOM.dataSample)"
    private let parentRef = "version:team/digits:2@\(MLBOM.parentSample)"

    // MARK: The document

    @Test func `an unknown dataset gives this document`() throws {
        var bom = try MLBOM.bare(kind: .dataset)
        bom.files = [VersionFile(path: "a.npz", digest: dataDigest, size: 4)]
        let component =
            #"{"bom-ref":"version:team/digits:3@\#(manifestDigest)","data":[{"name":"team/digits","type":"dataset"}],"#
            + #""hashes":[{"alg":"SHA-256","content":"\#(manifestDigest.hex)"}],"#
            + #""name":"team/digits","type":"data","version":"3"}"#
        let file =
            #"{"bom-ref":"file:a.npz","hashes":[{"alg":"SHA-256","content":"\#(dataDigest.hex)"}],"name":"a.npz","#
            + #""properties":[{"name":"assay:size_bytes","value":"4"}],"type":"file"}"#
        let bare =
            #"{"bomFormat":"CycloneDX","components":[\#(file)],"#
            + #""dependencies":[{"ref":"version:team/digits:3@\#(manifestDigest)"}],"#
            + #""metadata":{"component":\#(component)},"specVersion":"1.6","version":1}"#
        let text = String(decoding: try bom.encoded(), as: UTF8.self)
        #expect(text.replacing(/"serialNumber":"[^"]*",/, with: "") == bare)
        // The first bits of the rest's SHA-256.
        #expect(text.contains(#""serialNumber":"urn:uuid:\#(Digest.sha256(of: bare.utf8).hex.prefix(8))-"#))
    }

    @Test func `the same facts in any order give the same bytes`() throws {
        let bom = try MLBOM.full()
        var other = bom
        other.files.reverse()
        other.sources.reverse()
        other.sources.append(bom.sources[0])
        #expect(try other.encoded() == bom.encoded())
        other.measurements = [
            try MLBOM.Measurement.sample("a"), try MLBOM.Measurement.sample("b"),
            try MLBOM.Measurement.sample("b", accuracy: 0.5),
        ]
        var reversed = other
        reversed.measurements.reverse()
        #expect(try reversed.encoded() == other.encoded())
    }

    @Test func `the serial number is a UUID of the content`() throws {
        let bom = try MLBOM.full()
        var other = bom
        other.metadata.runId = "run-2"
        let numbers = try [bom, bom, other].map { try #require(BOMReader($0).root["serialNumber"] as? String) }
        #expect(numbers[0] == numbers[1] && numbers[0] != numbers[2])
        let form = /urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/
        #expect(numbers.allSatisfy { $0.wholeMatch(of: form) != nil })
    }

    @Test func `no time is told`() throws {
        let reader = try BOMReader(MLBOM.full())
        #expect(reader.root["bomFormat"] as? String == "CycloneDX")
        #expect(reader.root["specVersion"] as? String == "1.6")
        #expect((reader.root["metadata"] as? [String: Any])?.keys.sorted() == ["component"])
    }

    // MARK: The version

    @Test func `a version is a component with name, number, digest and description`() throws {
        let subject = try BOMReader(MLBOM.full()).subject
        #expect(subject["type"] as? String == "machine-learning-model")
        #expect(subject["name"] as? String == "team/digits")
        #expect(subject["version"] as? String == "3")
        #expect(subject["description"] as? String == "Handwritten digits")
        #expect(subject["hashes"] as? [[String: String]] == [["alg": "SHA-256", "content": manifestDigest.hex]])
        #expect(subject["purl"] == nil)
    }

    @Test(arguments: [
        "MIT", "CC-BY-4.0", "GPL-2.0+", "LicenseRef-ours", "DocumentRef-a:LicenseRef-b", "MIT OR Apache-2.0",
        "(MIT AND (BSD-2-Clause OR 0BSD))", "GPL-3.0-only WITH Classpath-exception-2.0 AND MIT",
    ])
    func `an SPDX expression is told as one`(license: String) throws {
        var bom = try MLBOM.bare()
        bom.metadata.license = license
        #expect(try BOMReader(bom).subject["licenses"] as? [[String: String]] == [["expression": license]])
    }

    @Test(arguments: [
        "Apache 2.0", "MIT AND", "AND", "(MIT", "MIT)", "()", "MIT OR OR MIT", "MIT WITH (a)", "(MIT) WITH a",
        "MIT WITH a WITH b", "see LICENSE", "a:b:c", ":", "+", "ours, not yours", "für uns", "MIT\nOR\nMIT",
    ])
    func `any other licence is told by name`(license: String) throws {
        var bom = try MLBOM.bare()
        bom.metadata.license = license
        let licenses = try BOMReader(bom).subject["licenses"] as? [[String: [String: String]]]
        #expect(licenses == [["license": ["name": license]]])
    }

    @Test(arguments: [nil, "", " \n"])
    func `no licence is no member`(license: String?) throws {
        var bom = try MLBOM.bare()
        bom.metadata.license = license
        #expect(try BOMReader(bom).subject["licenses"] == nil)
    }

    @Test func `what has no field of its own is a property`() throws {
        let properties = try BOMReader(MLBOM.full()).properties
        let expected = [
            "framework": "scikit-learn", "run_id": "run-1", "git_commit": "4b825dc", "hyperparameter:epochs": "15",
            "hyperparameter:rate": "0.01", "model_path": "model.onnx", "producer": "skl2onnx 1.17",
            "parameter_count": "1810", "opset:ai.onnx": "17", "opset:ai.onnx.ml": "3", "produced_by": "run run-1",
        ]
        for (name, value) in expected { #expect(properties["assay:\(name)"] == [value]) }
        #expect(properties["assay:precision"] == ["float32", "int8"])
    }

    @Test func `latency is told by dataset`() throws {
        let properties = try BOMReader(MLBOM.full()).properties
        let expected = [
            "evaluator": "assay-evaluator 1", "sample_count": "500", "latency_p50_microseconds": "12.5",
            "latency_p90_microseconds": "20.0", "latency_p99_microseconds": "31.0",
            "latency_mean_microseconds": "14.0", "latency_runs": "100", "throughput_samples_per_second": "80000.0",
            "load_microseconds": "900.0", "first_run_microseconds": "80.0", "peak_memory_bytes": "1048576",
        ]
        for (name, value) in expected { #expect(properties["assay:measured:team/digits-test:1:\(name)"] == [value]) }
    }

    // MARK: The model card

    @Test func `inputs and outputs are told by type and shape, in their order`() throws {
        let parameters = try BOMReader(MLBOM.full()).parameters
        #expect(parameters["inputs"] as? [[String: String]] == [["format": "float32[batch,64]"]])
        #expect(parameters["outputs"] as? [[String: String]] == [["format": "int64"], ["format": "float32[batch,10]"]])
    }

    @Test func `datasets of training and of measurements are referred to`() throws {
        let parameters = try BOMReader(MLBOM.full()).parameters
        #expect(parameters["datasets"] as? [[String: String]] == [["ref": testRef], ["ref": dataRef]])
    }

    @Test func `measured and claimed metrics are told apart`() throws {
        #expect(
            try BOMReader(MLBOM.full()).metrics == [
                ["type": "accuracy", "value": "0.9776", "slice": "claimed by training"],
                ["type": "auc", "value": "1.0", "slice": "claimed by training"],
                ["type": "accuracy", "value": "0.958", "slice": "team/digits-test:1"],
                ["type": "macro_f1", "value": "0.9581418678680652", "slice": "team/digits-test:1"],
            ])
    }

    @Test func `an accuracy has the score interval of its samples`() throws {
        let metric = try #require(
            BOMReader(MLBOM.full()).allMetrics.first {
                $0["type"] as? String == "accuracy" && $0["slice"] as? String == "team/digits-test:1"
            })
        let interval = try #require(metric["confidenceInterval"] as? [String: String])
        // SciPy 1.17, binomtest(479, 500).proportion_ci(0.95, "wilson").
        #expect(abs((Double(interval["lowerBound"] ?? "") ?? 0) - 0.9366484142456699) < 1e-9)
        #expect(abs((Double(interval["upperBound"] ?? "") ?? 0) - 0.9723676898915483) < 1e-9)
    }

    @Test func `classes and slices are told, and what limits the figures`() throws {
        var bom = try MLBOM.bare()
        var sample = try MLBOM.Measurement.sample("team/digits-test")
        var measured = sample.measurements
        measured.perClass = [.init(class: "a b", samples: 3, precision: 0.5, recall: 1, f1: 0.7)]
        measured.slices = ["region": ["north": .init(samples: 2, metrics: ["accuracy": 0.5])]]
        measured.fixedBatch = 4
        measured.leftOut = ["roc_auc": "one class alone"]
        sample = .init(dataset: sample.dataset, measurements: measured, evaluator: sample.evaluator)
        bom.measurements = [sample]
        var file = FileInspection(path: "old.bin", format: "pickle")
        file.imports = ["os.system"]
        bom.inspections = [file]
        let reader = try BOMReader(bom)
        #expect(reader.metrics.contains(["type": "recall", "value": "1.0", "slice": "team/digits-test:1 class a b"]))
        #expect(
            reader.metrics.contains(["type": "accuracy", "value": "0.5", "slice": "team/digits-test:1 region=north"]))
        #expect(reader.limitations.count == 3)
        #expect(reader.limitations.contains { $0.contains("'old.bin' can run any code") })
    }

    @Test func `what datasets say of themselves is told`() throws {
        var bom = try MLBOM.full()
        bom.known = [dataDigest: VersionMetadata(description: "Payments", license: "our own terms")]
        let data = try #require(BOMReader(bom).component(dataRef))
        #expect(data["description"] as? String == "Payments")
        #expect(data["licenses"] as? [[String: [String: String]]] == [["license": ["name": "our own terms"]]])
    }

    @Test func `what files say is told of them, and of the model where nobody else said it`() throws {
        var bom = try MLBOM.bare()
        bom.files = [.sample("README.md")]
        var card = FileInspection(path: "README.md", format: "model-card")
        card.facts = [
            .init(name: "license", values: ["apache-2.0"]), .init(name: "task", values: ["text-classification"]),
        ]
        bom.inspections = [card]
        #expect(try BOMReader(bom).subject["licenses"] as? [[String: String]] == [["expression": "apache-2.0"]])
        #expect(try BOMReader(bom).parameters["task"] as? String == "text-classification")
        bom.metadata.license = "MIT"
        #expect(try BOMReader(bom).subject["licenses"] as? [[String: String]] == [["expression": "MIT"]])
    }

    @Test func `a model of which nothing is known has an empty card`() throws {
        let subject = try BOMReader(MLBOM.bare()).subject
        #expect((subject["modelCard"] as? [String: Any])?.isEmpty == true)
        #expect(subject.keys.sorted() == ["bom-ref", "hashes", "modelCard", "name", "type", "version"])
    }

    // MARK: Files, datasets and parents

    @Test func `every file is a component with its hash and size`() throws {
        var bom = try MLBOM.bare()
        bom.files = [
            .sample("b/c.bin"), VersionFile(path: "a", digest: Digest.of([1], algorithm: .sha512), size: 1),
        ]
        let components = try BOMReader(bom).components
        #expect(components.map { $0["name"] as? String } == ["a", "b/c.bin"])
        #expect(components.allSatisfy { $0["type"] as? String == "file" })
        let hashes = components.map { $0["hashes"] as? [[String: String]] }
        #expect(hashes[0] == [["alg": "SHA-512", "content": Digest.of([1], algorithm: .sha512).hex]])
        #expect(hashes[1] == [["alg": "SHA-256", "content": VersionFile.sample("b/c.bin").digest.hex]])
        #expect(components[1]["properties"] as? [[String: String]] == [["name": "assay:size_bytes", "value": "7"]])
    }

    @Test func `a dataset is a data component`() throws {
        let data = try #require(BOMReader(MLBOM.full()).component(dataRef))
        #expect(data["type"] as? String == "data")
        #expect(data["name"] as? String == "team/payments")
        #expect(data["version"] as? String == "4")
        #expect(data["hashes"] as? [[String: String]] == [["alg": "SHA-256", "content": dataDigest.hex]])
        #expect(data["data"] as? [[String: String]] == [["type": "dataset", "name": "team/payments"]])
        #expect(data["properties"] as? [[String: String]] == [["name": "assay:relation", "value": "trained-on"]])
        #expect(data["modelCard"] == nil)
    }

    @Test func `a parent is a model component and an ancestor`() throws {
        let reader = try BOMReader(MLBOM.full())
        let parent = try #require(reader.component(parentRef))
        #expect(parent["type"] as? String == "machine-learning-model")
        #expect(parent["properties"] as? [[String: String]] == [["name": "assay:relation", "value": "quantized-from"]])
        let ancestors = (reader.subject["pedigree"] as? [String: Any])?["ancestors"] as? [[String: Any]]
        #expect(ancestors?.count == 1)
        #expect(ancestors?.first?["name"] as? String == "team/digits")
        #expect(ancestors?.first?["version"] as? String == "2")
        #expect(ancestors?.first?["bom-ref"] == nil)
    }

    @Test func `a version depends on what it was made from`() throws {
        let reader = try BOMReader(MLBOM.full())
        #expect(reader.dependencies.count == 1)
        #expect(reader.dependencies.first?["ref"] as? String == reader.subject["bom-ref"] as? String)
        #expect(reader.dependencies.first?["dependsOn"] as? [String] == [parentRef, dataRef])
    }

    @Test(arguments: [LineageRelation.derivedFrom, .fineTunedFrom, .quantizedFrom, .distilledFrom])
    func `every way of deriving makes an ancestor`(relation: LineageRelation) throws {
        var bom = try MLBOM.bare()
        bom.sources = [MLBOM.Source(relation: relation, name: "team/base:1", digest: nil)]
        let reader = try BOMReader(bom)
        #expect(reader.subject["pedigree"] != nil)
        #expect(reader.dependencies.first?["dependsOn"] as? [String] == ["version:team/base:1"])
        #expect(reader.component("version:team/base:1")?["hashes"] == nil)
    }

    @Test func `a source of several relations is one component`() throws {
        var bom = try MLBOM.bare()
        bom.sources = [
            MLBOM.Source(relation: .trainedOn, name: "team/payments:4", digest: nil),
            MLBOM.Source(relation: .evaluatedOn, name: "team/payments:4", digest: dataDigest),
        ]
        let reader = try BOMReader(bom)
        #expect(reader.components.count == 1)
        let relations = reader.components[0]["properties"] as? [[String: String]]
        #expect(relations?.map { $0["value"] } == ["evaluated-on", "trained-on"])
        #expect(reader.dependencies.first?["dependsOn"] as? [String] == [dataRef])
    }

    @Test func `two digests under one name are two components`() throws {
        var bom = try MLBOM.bare()
        bom.sources = [
            MLBOM.Source(relation: .trainedOn, name: "team/payments:4", digest: Digest.sha256(of: [1])),
            MLBOM.Source(relation: .evaluatedOn, name: "team/payments:4", digest: dataDigest),
        ]
        let reader = try BOMReader(bom)
        #expect(reader.components.count == 2)
        #expect(Set(reader.refs).count == reader.refs.count)
    }

    @Test(arguments: ["team/payments:production", "not a reference", "team/payments"])
    func `a source without a number has no version`(name: String) throws {
        var bom = try MLBOM.bare()
        bom.sources = [MLBOM.Source(relation: .trainedOn, name: name, digest: dataDigest)]
        let component = try #require(BOMReader(bom).components.first)
        #expect(component["version"] == nil)
        #expect(name.hasPrefix(component["name"] as? String ?? "-"))
    }

    @Test func `a dataset has no model card, and comes from datasets`() throws {
        var bom = try MLBOM.bare(kind: .dataset)
        bom.metadata.metrics = ["rows": 1_297]
        bom.sources = [MLBOM.Source(relation: .derivedFrom, name: "team/raw:1", digest: dataDigest)]
        let reader = try BOMReader(bom)
        #expect(reader.subject["type"] as? String == "data")
        #expect(reader.subject["modelCard"] == nil)
        #expect(reader.properties["assay:claimed_metric:rows"] == ["1297.0"])
        #expect(reader.components.map { $0["type"] as? String } == ["data"])
        #expect(reader.subject["pedigree"] != nil)
    }

    @Test func `no two components share a reference, whatever files are called`() throws {
        var bom = try MLBOM.full()
        bom.files += [.sample("team/payments:4"), .sample("version:team/digits:3"), .sample("version"), .sample("3")]
        let refs = try BOMReader(bom).refs
        #expect(Set(refs).count == refs.count)
    }

    // MARK: Odd text and size

    @Test(arguments: ["größe ü 模型 🙂", "e\u{301}", "tab\tline\nfeed", "\u{0}\u{1}\u{1b}[31m\u{7f}", "\"\\/", "\u{2028}"])
    func `any text comes back as it was`(text: String) throws {
        var bom = try MLBOM.bare()
        bom.files = [.sample(text)]
        bom.metadata = VersionMetadata(description: text, metrics: [text: 1], hyperparameters: [text: text])
        bom.sources = [MLBOM.Source(relation: .trainedOn, name: text, digest: nil)]
        let reader = try BOMReader(bom)
        #expect(reader.subject["description"] as? String == text)
        #expect(reader.properties["assay:hyperparameter:\(text)"] == [text])
        #expect(reader.metrics.first?["type"] == text)
        #expect(reader.components.map { $0["name"] as? String } == [text, text])
        #expect(try !bom.encoded().contains { $0 < 0x20 })
    }

    @Test func `texts are compared by bytes, not by what they look like`() throws {
        var bom = try MLBOM.bare()
        bom.files = [.sample("e\u{301}"), .sample("\u{e9}")]
        var other = bom
        other.files.reverse()
        #expect(try other.encoded() == bom.encoded())
    }

    @Test func `ten thousand files are told`() throws {
        var bom = try MLBOM.bare()
        bom.files = (0..<ModelPack.filesMax).map { .sample("folder/file-\($0).bin") }
        let reader = try BOMReader(bom)
        #expect(reader.components.count == ModelPack.filesMax)
        #expect(Set(reader.refs).count == ModelPack.filesMax + 1)
    }
}
