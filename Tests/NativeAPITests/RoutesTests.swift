import AssayDomain
import AssayRegistry
import Foundation
import HTTPKit
import HTTPTypes
import NativeAPI
import OCIFrontEnd
import TestSupport
import Testing
import Yams

/// Holds the routes against the document that describes them.
struct RoutesTests {
    private struct Operation: Hashable, Comparable, CustomStringConvertible {
        let method: String
        let path: String
        let permission: String

        var description: String { "\(method) \(path) [\(permission)]" }
        static func < (left: Operation, right: Operation) -> Bool { left.description < right.description }
    }

    private let test: TestRegistry

    init() async throws { test = try await TestRegistry() }

    private func documented() throws -> [Operation] {
        let text = String(decoding: NativeAPI.openAPI, as: UTF8.self)
        let document = try #require(try Yams.load(yaml: text) as? [String: Any])
        let paths = try #require(document["paths"] as? [String: [String: Any]])
        let methods: Set<String> = ["get", "head", "post", "put", "patch", "delete"]
        return try paths.flatMap { path, item in
            try item.filter { methods.contains($0.key) }.map { method, operation in
                let operation = try #require(operation as? [String: Any])
                let permission = try #require(operation["x-assay-permission"] as? String, "\(method) \(path)")
                return Operation(method: method.uppercased(), path: path, permission: permission)
            }
        }
    }

    @Test func `the OpenAPI document and the routes say the same`() throws {
        let frontEnds: [any FrontEnd] = [
            NativeAPI(registry: test.registry, allowsDeletes: true), LogRoutes(registry: test.registry),
            ServiceRoutes(registry: test.registry, metrics: PrometheusMetrics()),
        ]
        let routes = frontEnds.flatMap(\.routes).map { route in
            Operation(
                method: route.method.rawValue, path: route.pattern.openAPIPath, permission: route.permission.rawValue)
        }
        #expect(try documented().sorted() == routes.sorted())
        #expect(Set(routes).count == routes.count)
    }

    @Test func `what changes something is never open to readers`() throws {
        let frontEnds: [any FrontEnd] = [
            NativeAPI(registry: test.registry, allowsDeletes: true),
            OCIFrontEnd(registry: test.registry, allowsDeletes: true), LogRoutes(registry: test.registry),
            ServiceRoutes(registry: test.registry, metrics: PrometheusMetrics()),
        ]
        // A question that has a body: it changes nothing, which WaiverTests show.
        let questions = ["/api/v1/policy-checks"]
        for route in frontEnds.flatMap(\.routes) where ![.get, .head].contains(route.method) {
            let isQuestion = questions.contains(route.pattern.description)
            #expect([.none, .read].contains(route.permission) == isQuestion, "\(route.method) \(route.pattern)")
        }
        let open = frontEnds.flatMap(\.routes).filter { $0.permission == .none }.map(\.pattern.description)
        #expect(open.sorted() == ["/api/v1/openapi.yaml", "/healthz", "/metrics", "/readyz"])
    }
}
