// swift-tools-version:6.2
import PackageDescription

/// The language rules of every target; nothing switches one off on its own.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

/// What the front ends share: the plumbing, the use cases and the words.
let frontEnd: [Target.Dependency] = [
    "HTTPKit", "AssayRegistry", "AssayDomain",
    .product(name: "HTTPTypes", package: "swift-http-types"),
    .product(name: "Hummingbird", package: "hummingbird"),
    .product(name: "NIOCore", package: "swift-nio"),
]

/// A library of a layer. `embedding` names a folder in it whose files are built into the binary.
func source(
    _ layer: String, _ name: String, _ dependencies: [Target.Dependency], embedding folder: String? = nil
) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "Sources/\(layer)/\(name)",
        resources: folder.map { [.embedInCode($0)] }, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

func cLibrary(_ name: String, pkgConfig: String, apt: String) -> Target {
    .systemLibrary(
        name: name, path: "Sources/CModules/\(name)", pkgConfig: pkgConfig, providers: [.apt([apt])])
}

let package = Package(
    name: "assay",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "assay", targets: ["assay"]),
        .executable(name: "assay-evaluator", targets: ["assay-evaluator"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
    ],
    targets: [
        // MARK: Core – words, rules and use cases, no I/O
        source("Core", "AssayDomain", []),
        source(
            "Core", "AssayRegistry",
            [
                "AssayDomain",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
            ]),
        // The JSON messages of /api/v1, spoken by the NativeAPI front end and by AssayClient.
        source("Core", "APIProtocol", ["AssayDomain"]),

        // MARK: Storage – adapters of the ports that keep bytes and facts
        source(
            "Storage", "AssayBlobStore",
            [
                "AssayCrypto", "AssayDomain", "AssayRegistry", "CFileSystem", "CXXHash",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        source(
            "Storage", "AssayAuditLog",
            [
                "AssayCrypto", "AssayDomain", "AssayRegistry", "TransparencyLog",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        source(
            "Storage", "AssayIndex",
            [
                "AssayCrypto", "AssayDomain", "AssayRegistry",
                .product(name: "GRDB", package: "GRDB.swift"),
            ], embedding: "Migrations"),

        // MARK: Formats – bytes in, values out
        source("Formats", "AssayArchive", ["CArchive"]),
        source("Formats", "AssayCrypto", ["AssayDomain", "COpenSSL"]),
        source(
            "Formats", "AssayBundle",
            ["AssayArchive", "AssayCrypto", "AssayDomain", "AssayRegistry", "ModelFormats", "ONNXModel"]),
        source("Formats", "ModelFormats", ["AssayDomain", "ONNXModel"]),
        source("Formats", "ONNXModel", []),
        source("Formats", "ONNXRewriting", ["ONNXModel"]),
        source("Formats", "TransparencyLog", ["AssayCrypto", "AssayDomain"]),

        // MARK: Verification – the evaluator process and its supervisor
        source("Verification", "EvaluationProtocol", []),
        source(
            "Verification", "EvaluatorHost",
            [
                "AssayDomain", "AssayRegistry", "EvaluationProtocol",
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        source(
            "Verification", "ModelEvaluator",
            ["AssayArchive", "EvaluationProtocol", "ONNXModel", "ONNXRuntime", "Sandbox"]),
        source("Verification", "Sandbox", ["CConfinement", "CSeccomp", "EvaluationProtocol"]),
        source("Verification", "ONNXRuntime", ["COnnxRuntime"]),

        // MARK: Front ends – one thin adapter per protocol
        source(
            "FrontEnds", "HTTPKit",
            [
                "AssayDomain", "AssayRegistry",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
            ]),
        source("FrontEnds", "NativeAPI", frontEnd + ["APIProtocol"], embedding: "OpenAPI"),
        source("FrontEnds", "OCIFrontEnd", frontEnd),

        // MARK: Client – the typed client and the command line
        source(
            "Client", "AssayClient",
            [
                "APIProtocol", "AssayCrypto", "AssayDomain",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        source(
            "Client", "AssayReport",
            [
                "AssayDomain",
                .product(name: "Mustache", package: "swift-mustache"),
            ], embedding: "Templates"),
        source(
            "Client", "AssayCommands",
            [
                "APIProtocol", "AssayArchive", "AssayBundle", "AssayClient", "AssayCrypto", "AssayDomain",
                "AssayRegistry", "AssayReport", "ONNXModel", "ONNXRewriting", "TransparencyLog",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "Yams", package: "Yams"),
            ]),

        // MARK: C modules – imported by exactly one Swift target each
        cLibrary("CArchive", pkgConfig: "libarchive", apt: "libarchive-dev"),
        cLibrary("COpenSSL", pkgConfig: "libcrypto", apt: "libssl-dev"),
        cLibrary("CXXHash", pkgConfig: "libxxhash", apt: "libxxhash-dev"),
        cLibrary("CSeccomp", pkgConfig: "libseccomp", apt: "libseccomp-dev"),
        .target(name: "CConfinement", path: "Sources/CModules/CConfinement"),
        .target(name: "CFileSystem", path: "Sources/CModules/CFileSystem"),
        .target(name: "COnnxRuntime", path: "Sources/CModules/COnnxRuntime"),

        // MARK: Executables – the only targets that import both sides
        .executableTarget(
            name: "assay",
            dependencies: [
                "APIProtocol", "AssayAuditLog", "AssayBlobStore", "AssayBundle", "AssayClient", "AssayCommands",
                "AssayCrypto", "AssayDomain", "AssayIndex", "AssayRegistry", "EvaluatorHost", "HTTPKit", "NativeAPI",
                "OCIFrontEnd",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "assay-evaluator",
            dependencies: ["ModelEvaluator"],
            swiftSettings: strict),

        // MARK: Tests – one target per target, and those that start real processes
        .target(
            name: "TestSupport",
            dependencies: [
                "AssayAuditLog", "AssayBlobStore", "AssayBundle", "AssayCrypto", "AssayDomain", "AssayIndex",
                "AssayRegistry", "HTTPKit",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdTesting", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "Tests/TestSupport", swiftSettings: strict),
        tests("AssayArchiveTests", ["AssayArchive"]),
        tests(
            "AssayAuditLogTests",
            [
                "AssayAuditLog", "AssayBundle", "AssayCrypto", "AssayDomain", "AssayIndex", "AssayRegistry",
                "TestSupport", "TransparencyLog",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        tests(
            "AssayBlobStoreTests",
            [
                "AssayBlobStore", "AssayCrypto", "AssayDomain", "AssayRegistry", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        tests("AssayBundleTests", ["AssayArchive", "AssayBundle", "AssayCrypto", "AssayDomain", "AssayRegistry"]),
        tests(
            "AssayClientTests",
            [
                "APIProtocol", "AssayClient", "AssayCrypto", "AssayDomain",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        tests(
            "AssayCommandsTests",
            [
                "APIProtocol", "AssayBundle", "AssayClient", "AssayCommands", "AssayCrypto", "AssayDomain",
                "AssayRegistry",
            ]),
        tests("AssayCryptoTests", ["AssayCrypto", "AssayDomain"]),
        tests("AssayDomainTests", ["AssayDomain"]),
        tests(
            "AssayIndexTests",
            [
                "AssayDomain", "AssayIndex", "AssayRegistry",
                .product(name: "GRDB", package: "GRDB.swift"),
            ]),
        tests(
            "AssayRegistryTests",
            [
                "AssayAuditLog", "AssayBundle", "AssayCrypto", "AssayDomain", "AssayIndex", "AssayRegistry",
                "TestSupport",
            ]),
        tests("AssayReportTests", ["AssayDomain", "AssayReport"]),
        tests("EvaluationProtocolTests", ["EvaluationProtocol"]),
        tests(
            "HTTPKitTests",
            [
                "AssayDomain", "HTTPKit",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
            ]),
        tests("ModelEvaluatorTests", ["EvaluationProtocol", "ModelEvaluator", "ONNXRuntime"]),
        tests(
            "NativeAPITests",
            [
                "APIProtocol", "AssayDomain", "AssayRegistry", "HTTPKit", "NativeAPI", "OCIFrontEnd", "TestSupport",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "HummingbirdTesting", package: "hummingbird"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "Yams", package: "Yams"),
            ]),
        .target(name: "ONNXSamples", path: "Tests/ONNXSamples", swiftSettings: strict),
        tests("ModelFormatsTests", ["AssayDomain", "ModelFormats", "ONNXModel"]),
        tests("ONNXModelTests", ["ONNXModel", "ONNXSamples"]),
        tests("ONNXRewritingTests", ["ONNXModel", "ONNXRewriting", "ONNXSamples"]),
        tests("ONNXRuntimeTests", ["ONNXRuntime"]),
        tests("RepositoryTests", []),
        tests("TransparencyLogTests", ["AssayCrypto", "AssayDomain", "TransparencyLog"]),
    ])
