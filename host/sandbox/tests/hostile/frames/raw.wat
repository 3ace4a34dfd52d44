;; A tool that has everything in its own hands: memory, realloc, what runs after its result was read.
(component
  (import "alcove:tool/types@0.1.0" (instance $types
    (type $a (enum "model" "user" "both"))
    (export "audience" (type $audience (eq $a)))
    (type $c (variant (case "text" string) (case "json" string) (case "asset" string)
      (case "link" (tuple string string))))
    (export "content" (type $content (eq $c)))
    (type $p (record (field "content" $content) (field "audience" $audience)))
    (export "part" (type (eq $p)))
    (type $f (record (field "kind" string) (field "message" string)
      (field "retry-after-ms" (option u64))))
    (export "failure" (type (eq $f)))))
  (alias export $types "part" (type $part))
  (alias export $types "failure" (type $failure))
  (import "alcove:tool/session@0.1.0" (instance $session
    (export "remaining-ms" (func (result u64)))))
  (core func $remaining (canon lower (func $session "remaining-ms")))
  (core module $tool
    (import "host" "remaining" (func $remaining (result i64)))
    (memory (export "memory") 1)
    ;; A result without parts lies at 1024.
    (func $nothing (result i32) (i32.const 1024))
    ;;GUEST
    (export "realloc" (func $realloc))
    (export "after" (func $after))
    (export "invoke" (func $invoke)))
  (core instance $tool (instantiate $tool
    (with "host" (instance (export "remaining" (func $remaining))))))
  (alias core export $tool "memory" (core memory $memory))
  (func $invoke (param "tool" string) (param "arguments" string)
    (result (result (list $part) (error $failure)))
    (canon lift (core func $tool "invoke") (memory $memory)
      (realloc (core func $tool "realloc")) (post-return (core func $tool "after"))))
  (instance $handler
    (export "part" (type $part))
    (export "failure" (type $failure))
    (export "invoke" (func $invoke)))
  (export "alcove:tool/handler@0.1.0" (instance $handler)))
