# shellcheck shell=sh disable=SC2154
# Whether cloud-init writes /etc/hosts at every boot: the settings in its order, the last word last (cloud-init, "Configuration
# sources"). Installed or run by a unit, and not disabled: by its file, on the kernel's command line, or by its generator at this
# boot.
cloud_init() {
  section cloud
  if [ ! -d /etc/cloud ] || [ -e /etc/cloud/cloud-init.disabled ] || [ -e /run/cloud-init/disabled ]; then return; fi
  first /proc/cmdline
  case " $line " in *' cloud-init=disabled '*) return ;; esac
  set +f
  set -- /etc/systemd/system/cloud-init*.service /lib/systemd/system/cloud-init*.service
  if [ -e "$1" ] || [ -e "$2" ] || command -v cloud-init >/dev/null; then
    instance=/var/lib/cloud/instance
    grep -HE '^manage_etc_hosts:' -- /etc/cloud/cloud.cfg /etc/cloud/cloud.cfg.d/*.cfg /run/cloud-init/cloud.cfg \
      $instance/vendor-cloud-config.txt $instance/vendor2-cloud-config.txt $instance/cloud-config.txt
  fi
  set -f
}
