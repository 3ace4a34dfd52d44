(component
  (type $t0 string)
;;REPEAT
)
